import { ERRORS, type ErrorCode } from "../../base/errors.ts";

/** What the answer to `initialize` says: the server agreed, to whatever revision, it refused, or the proxy answered in its place. */
export type InitializeResult =
  | { readonly kind: "agreed"; readonly revision: string | undefined }
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly code: ErrorCode };

/**
 * Reads the one message of a session that has to be understood: the revision decides what the client can take. Only an
 * answer of the proxy's own tells of a failure by a code of ours; a child may write what it likes.
 */
export function initializeResult(body: Buffer, from: "child" | "proxy"): InitializeResult {
  const answer: unknown = JSON.parse(body.toString());
  const result = member(answer, "result");
  if (result === undefined) {
    if (from === "child") return { kind: "refused" };
    const code = member(member(member(answer, "error"), "data"), "code");
    return isErrorCode(code) ? { kind: "failed", code } : { kind: "refused" };
  }
  const revision = member(result, "protocolVersion");
  return { kind: "agreed", revision: typeof revision === "string" ? revision : undefined };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERRORS, code);
}
