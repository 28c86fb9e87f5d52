import { parseArgs } from "node:util";
import { PROTOCOL_NAMES } from "./driver/protocol.ts";
import { GATEWAYS, type GatewayName } from "./gateways/gateways.ts";
import { PART_NAMES, PARTS, type PartName, participants } from "./report/parts.ts";

export interface Options {
  readonly names: readonly GatewayName[];
  readonly parts: readonly PartName[];
  readonly quick: boolean;
  readonly out: string;
  readonly proxy: string;
}

export const USAGE = `bun run bench [--quick] [--only NAMES] [--transport NAMES] [--out FILE] [--proxy PATH]

  --quick            short rounds and no 1,000 sessions: about a minute and a half
  --only NAMES       some of the gateways: ${GATEWAYS.join(",")}
                     or of the parts: ${PART_NAMES.join(",")}
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
      only: { type: "string", default: [...GATEWAYS, ...PART_NAMES].join(",") },
      transport: { type: "string", default: PROTOCOL_NAMES.join(",") },
      out: { type: "string", default: "bench-results.json" },
      proxy: { type: "string", default: "dist/mcp-sse-proxy" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const only = chosen("--only", [...GATEWAYS, ...PART_NAMES], values.only);
  const protocols = chosen("--transport", PROTOCOL_NAMES, values.transport);
  const names = namedOrAll(GATEWAYS, only);
  const parts = namedOrAll(PART_NAMES, only).filter(
    (part) => protocols.includes(PARTS[part].protocol) && participants(part, names).length > 0,
  );
  if (parts.length === 0) throw new TypeError("--only and --transport leave nothing to measure");
  return { names, parts, quick: values.quick, out: values.out, proxy: values.proxy };
}

/** The names of a comma-separated list, in the order of those that there are. */
function chosen<N extends string>(option: string, there: readonly N[], list: string): readonly N[] {
  const asked = list.split(",");
  const unknown = asked.filter((name) => !there.some((known) => known === name));
  if (unknown.length > 0) throw new TypeError(`${option} takes ${there.join(", ")}; not ${unknown.join(", ")}`);
  return there.filter((name) => asked.includes(name));
}

/** Those of a kind that the list names; it leaves a kind whole that it names none of. */
function namedOrAll<N extends string>(kind: readonly N[], list: readonly string[]): readonly N[] {
  const named = kind.filter((name) => list.includes(name));
  return named.length === 0 ? kind : named;
}
