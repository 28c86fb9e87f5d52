const EXHAUSTION: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOSPC", "EDQUOT"]);

/**
 * Why a child could not be started. The reason is fit for a caller; the cause is not even fit for the log, since Bun puts
 * values of the environment into it.
 */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
  /** The host has run out of something: a later try may succeed, and it is nobody's fault. */
  readonly isExhaustion: boolean;

  constructor(reason: string, code?: string) {
    super(reason);
    this.isExhaustion = code !== undefined && EXHAUSTION.has(code);
  }
}

/** The system's name of an error, such as ENOENT. Its text may hold a path or, from Bun, a value of the environment. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
