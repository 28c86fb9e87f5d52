import { FIGURE_KEYS, FIGURES, type FigureKey } from "./figures.ts";
import { type GatewayName, versionOf } from "./gateways.ts";
import type { ProtocolName } from "./protocol.ts";
import type { Results } from "./results.ts";

export interface TableInput {
  readonly protocol: ProtocolName;
  readonly results: Results;
  readonly names: readonly GatewayName[];
}

const TITLES: Readonly<Record<ProtocolName, string>> = { sse: "HTTP+SSE", streamable: "Streamable HTTP" };

/** What the readers of a figure must know about a gateway. */
const NOTES: Readonly<Record<ProtocolName, Readonly<Record<GatewayName, string>>>> = {
  sse: {
    ceiling: "a bare Bun bridge: no authentication, no limits, no checks",
    ours: "the compiled executable at its defaults, with authentication; rate limit off, log level ERROR",
    supergateway: "one child for all sessions, and every answer goes to every session; log level none",
    "mcp-proxy": "one child for all sessions, requests multiplexed onto it",
  },
  streamable: {
    ceiling: "a bare Bun bridge: finds the ids, answers with JSON; no authentication, no limits, no checks",
    ours: "the compiled executable at its defaults, with authentication; rate limit off, log level ERROR; answers with JSON",
    supergateway: "stateful mode, a child for each session; answers on an event stream; log level none",
    "mcp-proxy": "one child for all sessions, requests multiplexed onto it; answers on an event stream",
  },
};

/** Whom we are compared with, in the order of the columns. */
const OTHERS = ["supergateway", "mcp-proxy", "ceiling"] as const;

/** One transport's figures as Markdown: heading, table, and what to know about it. */
export function tableLines({ protocol, results, names }: TableInput): string[] {
  const others = OTHERS.filter((other) => names.includes("ours") && names.includes(other));
  const titles = [
    "",
    ...names.map((name) => `${name} ${versionOf(name)}`),
    ...others.map((other) => `ours ÷ ${other}`),
  ];
  const measured = FIGURE_KEYS.filter((key) =>
    names.some((name) => results.samples(name, key).length > 0 || results.reason(name, key) !== undefined),
  );
  const rows = measured.map((key) =>
    row([
      `${FIGURES[key].title} (${FIGURES[key].unit})`,
      ...names.map((name) => figure(results, name, key)),
      ...others.map((other) => times(results.ratio("ours", other, key))),
    ]),
  );
  return [
    `### ${TITLES[protocol]}`,
    "",
    row(titles),
    row(titles.map((_, column) => (column === 0 ? "---" : "---:"))),
    ...rows,
    "",
    ...names.map((name) => `- ${name}: ${NOTES[protocol][name]}`),
    ...absences(results, names),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function figure(results: Results, name: GatewayName, key: FigureKey): string {
  const value = results.value(name, key);
  if (value === undefined) return "n/a";
  const { digits } = FIGURES[key];
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "n/a" : `${ratio.toFixed(2)}×`;
}

/** One line for each gateway and reason, with the figures that are missing for it. */
function absences(results: Results, names: readonly GatewayName[]): string[] {
  return names.flatMap((name) => {
    const titles = new Map<string, string[]>();
    for (const key of FIGURE_KEYS) {
      const reason = results.reason(name, key);
      if (reason !== undefined) titles.set(reason, [...(titles.get(reason) ?? []), FIGURES[key].title]);
    }
    return [...titles].map(([reason, missing]) => `- n/a for ${name}: ${reason} (${missing.join("; ")})`);
  });
}
