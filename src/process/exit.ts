/** How a process ended: with an exit code, or by a signal. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** `exit code 3` or `signal SIGKILL`, for messages and the log. */
export function describeExit({ code, signal }: ProcessExit): string {
  return signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
}
