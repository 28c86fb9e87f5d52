import { parseArgs } from "node:util";
import { GATEWAYS, type GatewayName } from "./gateways.ts";

export interface Options {
  readonly names: readonly GatewayName[];
  readonly quick: boolean;
  readonly out: string;
  readonly proxy: string;
}

export const USAGE = `bun run bench [--quick] [--only ${GATEWAYS.join(",")}] [--out FILE] [--proxy PATH]

  --quick       rounds of half a second and no 1,000 sessions: under a minute
  --only NAMES  some of the gateways
  --out FILE    where the JSON goes (bench-results.json)
  --proxy PATH  our executable (dist/mcp-sse-proxy)
`;

/** Reads the command line; throws a TypeError that says what is wrong with it. undefined: help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: GATEWAYS.join(",") },
      out: { type: "string", default: "bench-results.json" },
      proxy: { type: "string", default: "dist/mcp-sse-proxy" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const asked = values.only.split(",");
  const unknown = asked.filter((name) => !GATEWAYS.some((known) => known === name));
  if (unknown.length > 0) throw new TypeError(`--only takes ${GATEWAYS.join(", ")}; not ${unknown.join(", ")}`);
  return {
    names: GATEWAYS.filter((name) => asked.includes(name)),
    quick: values.quick,
    out: values.out,
    proxy: values.proxy,
  };
}
