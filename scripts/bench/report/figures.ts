/** One row of the report. */
export interface FigureKind {
  readonly title: string;
  readonly unit: string;
  /** Digits after the point. */
  readonly digits: number;
  readonly better: "higher" | "lower";
}

/** Everything that is measured, in the order of the report. Each figure is the median of its samples. */
export const FIGURES = {
  oneRate: { title: "1 session, 32 in flight", unit: "messages/s", digits: 0, better: "higher" },
  oneCpu: { title: "1 session, 32 in flight: CPU of the gateway", unit: "µs/message", digits: 1, better: "lower" },
  manyRate: { title: "50 sessions × 4 in flight", unit: "messages/s", digits: 0, better: "higher" },
  manyCpu: { title: "50 sessions × 4 in flight: CPU of the gateway", unit: "µs/message", digits: 1, better: "lower" },
  sequentialP50: { title: "one at a time: round trip, p50", unit: "µs", digits: 0, better: "lower" },
  sequentialP99: { title: "one at a time: round trip, p99", unit: "µs", digits: 0, better: "lower" },
  bigRate: { title: "1 MB results, 4 in flight", unit: "results/s", digits: 0, better: "higher" },
  bigCpu: { title: "1 MB results: CPU of the gateway", unit: "µs/result", digits: 0, better: "lower" },
  resident0: { title: "resident memory, no session", unit: "MB", digits: 0, better: "lower" },
  resident100: { title: "resident memory, 100 sessions", unit: "MB", digits: 0, better: "lower" },
  resident1000: { title: "resident memory, 1,000 sessions", unit: "MB", digits: 0, better: "lower" },
  children100: { title: "its children's memory, 100 sessions", unit: "MB", digits: 0, better: "lower" },
  statelessP50: { title: "one call at a time: round trip, p50", unit: "ms", digits: 2, better: "lower" },
  statelessP95: { title: "one call at a time: round trip, p95", unit: "ms", digits: 2, better: "lower" },
  statelessP99: { title: "one call at a time: round trip, p99", unit: "ms", digits: 2, better: "lower" },
  sharedPss100: { title: "memory of the process tree, 100 sessions: PSS", unit: "MB", digits: 0, better: "lower" },
  sharedRss100: { title: "memory of the process tree, 100 sessions: RSS", unit: "MB", digits: 0, better: "lower" },
  sharedServers100: { title: "server processes, 100 sessions", unit: "processes", digits: 0, better: "lower" },
  sharedTree100: { title: "processes in all, 100 sessions", unit: "processes", digits: 0, better: "lower" },
  sharedPss1000: { title: "memory of the process tree, 1,000 sessions: PSS", unit: "MB", digits: 0, better: "lower" },
  sharedRss1000: { title: "memory of the process tree, 1,000 sessions: RSS", unit: "MB", digits: 0, better: "lower" },
  sharedServers1000: { title: "server processes, 1,000 sessions", unit: "processes", digits: 0, better: "lower" },
  sharedTree1000: { title: "processes in all, 1,000 sessions", unit: "processes", digits: 0, better: "lower" },
  connect: { title: "connect to initialize, p50", unit: "ms", digits: 1, better: "lower" },
  start: { title: "exec to the first healthy answer", unit: "ms", digits: 0, better: "lower" },
} as const satisfies Record<string, FigureKind>;

export type FigureKey = keyof typeof FIGURES;

export const FIGURE_KEYS = Object.keys(FIGURES) as FigureKey[];
