import type { ProtocolName } from "./protocol.ts";
import { Results } from "./results.ts";

/** What the project promises of its speed. */
export interface TargetOutcome {
  readonly title: string;
  /** undefined: a figure that it needs was not measured. */
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

export function targetOutcomes(tables: ReadonlyMap<ProtocolName, Results>): TargetOutcome[] {
  const sse = tables.get("sse") ?? new Results();
  const streamable = tables.get("streamable") ?? new Results();
  const rate = sse.ratio("ours", "supergateway", "oneRate");
  const oneCpu = sse.ratio("ours", "ceiling", "oneCpu");
  const big = sse.ratio("ours", "supergateway", "bigRate");
  const resident = sse.value("ours", "resident1000");
  const streamableRate = least(
    streamable.ratio("ours", "supergateway", "oneRate"),
    streamable.ratio("ours", "mcp-proxy", "oneRate"),
  );
  return [
    outcome("messages/s of one HTTP+SSE session: at least 4× supergateway's", rate, (value) => value >= 4),
    outcome("CPU per message of one HTTP+SSE session: at most 1.5× the ceiling's", oneCpu, (value) => value <= 1.5),
    outcome("1 MB results/s on HTTP+SSE: at least 3× supergateway's", big, (value) => value >= 3),
    outcome("1,000 HTTP+SSE sessions: under 150 MB resident", resident, (value) => value < 150),
    outcome(
      "messages/s of one Streamable HTTP session: at least 8× supergateway's and mcp-proxy's",
      streamableRate,
      (value) => value >= 8,
    ),
  ];
}

/** The lesser of two; undefined when either is. */
function least(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.min(one, other);
}

function outcome(title: string, value: number | undefined, met: (value: number) => boolean): TargetOutcome {
  return { title, value, met: value === undefined ? undefined : met(value) };
}
