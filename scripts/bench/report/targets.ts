import type { PartName } from "./parts.ts";
import { Results } from "./results.ts";

/** What the project promises of its speed. */
export interface TargetOutcome {
  readonly title: string;
  /** undefined: a figure that it needs was not measured. */
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

export function targetOutcomes(tables: ReadonlyMap<PartName, Results>): TargetOutcome[] {
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
  const stateless = tables.get("stateless") ?? new Results();
  const statelessMs = stateless.value("ours", "statelessP50");
  const statelessGain = stateless.ratio("supergateway", "ours", "statelessP50");
  const shared = tables.get("shared-sessions") ?? new Results();
  const sharedPss = shared.value("ours", "sharedPss1000");
  // RSS is never less than PSS: a promise that it keeps is kept.
  const sharedMemory = sharedPss ?? shared.value("ours", "sharedRss1000");
  const measure = sharedPss === undefined && sharedMemory !== undefined ? "RSS" : "PSS";
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
    outcome("a stateless call onto a legacy server: p50 of at most 1.5 ms", statelessMs, (value) => value <= 1.5),
    outcome(
      "a stateless call onto a legacy server: p50 at least 50× faster than supergateway's",
      statelessGain,
      (value) => value >= 50,
    ),
    outcome(
      `1,000 HTTP+SSE sessions that share a child: under 350 MB in all, children included (${measure})`,
      sharedMemory,
      (value) => value < 350,
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
