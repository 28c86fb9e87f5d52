/**
 * How long this process has been at work, in milliseconds on a CPU, until the promise is there: the same on a busy machine, where
 * everything takes longer. For work that must not grow out of proportion.
 */
export async function cpuMsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
