/**
 * Starts a run for each plan, in order, no more than `atOnce` of them at a time. The promises may be awaited in any order, and late:
 * a run that fails before somebody looks is no unhandled rejection.
 */
export function runInTurns<Plan, Run>(
  plans: readonly Plan[],
  atOnce: number,
  run: (plan: Plan) => Promise<Run>,
): ReadonlyMap<Plan, Promise<Run>> {
  const runs = new Map<Plan, Promise<Run>>();
  // The end of the run that each lane has now: the plans are dealt out, which is fair enough for runs of like length.
  const lanes: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve());
  for (const [turn, plan] of plans.entries()) {
    const started = (lanes[turn % atOnce] ?? Promise.resolve()).then(() => run(plan));
    lanes[turn % atOnce] = started.catch(() => {});
    runs.set(plan, started);
  }
  return runs;
}
