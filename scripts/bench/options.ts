import { parseArgs } from "node:util";
import { GATEWAYS, type GatewayName } from "./gateways.ts";
import { PROTOCOL_NAMES, type ProtocolName } from "./protocol.ts";

export interface Options {
  readonly names: readonly GatewayName[];
  readonly protocols: readonly ProtocolName[];
  readonly quick: boolean;
  readonly out: string;
  readonly proxy: string;
}

export const USAGE = `bun run bench [--quick] [--only NAMES] [--transport NAMES] [--out FILE] [--proxy PATH]

  --quick            short rounds and no 1,000 sessions: about a minute
  --only NAMES       some of the gateways: ${GATEWAYS.join(",")}
  --transport NAMES  some of the transports: ${PROTOCOL_NAMES.join(",")}
  --out FILE         where the JSON goes (bench-results.json)
  --proxy PATH       our executable (dist/mcp-sse-proxy)
`;

/** Reads the command line; throws a TypeError that says what is wrong with it. undefined: help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string", default: GATEWAYS.join(",") },
      transport: { type: "string", default: PROTOCOL_NAMES.join(",") },
      out: { type: "string", default: "bench-results.json" },
      proxy: { type: "string", default: "dist/mcp-sse-proxy" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    names: chosen("--only", GATEWAYS, values.only),
    protocols: chosen("--transport", PROTOCOL_NAMES, values.transport),
    quick: values.quick,
    out: values.out,
    proxy: values.proxy,
  };
}

/** The names of a comma-separated list, in the order of those that there are. */
function chosen<N extends string>(option: string, there: readonly N[], list: string): readonly N[] {
  const asked = list.split(",");
  const unknown = asked.filter((name) => !there.some((known) => known === name));
  if (unknown.length > 0) throw new TypeError(`${option} takes ${there.join(", ")}; not ${unknown.join(", ")}`);
  return there.filter((name) => asked.includes(name));
}
