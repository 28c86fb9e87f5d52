import { describe, expect, test } from "bun:test";
import { parseOptions } from "../../scripts/bench/options.ts";
import type { PartName } from "../../scripts/bench/report/parts.ts";

describe("the command line of the benchmark", () => {
  test("measures every part and every gateway unless it names some", () => {
    expect(parseOptions([])).toMatchObject({
      names: ["ceiling", "ours", "supergateway", "mcp-proxy"],
      parts: ["sse", "streamable", "stateless", "shared-sessions"],
      quick: false,
    });
  });

  test.each<[string, string[], PartName[], number]>([
    ["a part, with all gateways", ["--only", "stateless"], ["stateless"], 4],
    ["parts in the report's order", ["--only", "shared-sessions,sse"], ["sse", "shared-sessions"], 4],
    ["a gateway and a part", ["--only", "ours,stateless"], ["stateless"], 1],
    ["a gateway, in the parts that it takes part in", ["--only", "mcp-proxy"], ["sse", "streamable"], 1],
    ["the parts on a transport", ["--transport", "sse"], ["sse", "shared-sessions"], 4],
    ["a part on a transport", ["--transport", "sse", "--only", "sse"], ["sse"], 4],
  ])("takes %s", (_, args, parts, gateways) => {
    const options = parseOptions(args);
    expect(options?.parts).toEqual(parts);
    expect(options?.names).toHaveLength(gateways);
  });

  test.each([
    ["a name that is neither", ["--only", "other"], "not other"],
    ["a part in which the gateway has none", ["--only", "ceiling,stateless"], "nothing to measure"],
    ["a part that is on another transport", ["--only", "stateless", "--transport", "sse"], "nothing to measure"],
  ])("refuses %s", (_, args, why) => {
    expect(() => parseOptions(args)).toThrow(why);
  });
});
