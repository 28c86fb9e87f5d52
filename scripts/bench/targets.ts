import type { Results } from "./results.ts";

/** What the project promises of its speed. */
export interface TargetOutcome {
  readonly title: string;
  /** undefined: a figure that it needs was not measured. */
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

export function targetOutcomes(results: Results): TargetOutcome[] {
  const rate = results.ratio("ours", "supergateway", "oneRate");
  const oneCpu = results.ratio("ours", "ceiling", "oneCpu");
  const big = results.ratio("ours", "supergateway", "bigRate");
  const resident = results.value("ours", "resident1000");
  return [
    outcome("messages/s of one session: at least 4× supergateway's", rate, (value) => value >= 4),
    outcome("CPU per message of one session: at most 1.5× the ceiling's", oneCpu, (value) => value <= 1.5),
    outcome("1 MB results/s: at least 3× supergateway's", big, (value) => value >= 3),
    outcome("1,000 sessions: under 150 MB resident", resident, (value) => value < 150),
  ];
}

function outcome(title: string, value: number | undefined, met: (value: number) => boolean): TargetOutcome {
  return { title, value, met: value === undefined ? undefined : met(value) };
}
