import { ProxyError } from "../base/errors.ts";
import type { KnownEras } from "../link/eras.ts";
import { startTimeout } from "../link/link-end.ts";
import type { StartWords } from "../process/child-stderr.ts";
import type { CrashBackoff } from "../process/crash-backoff.ts";
import { type AttemptOptions, attemptStart } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { culpritOf } from "./caller.ts";
import type { CallerChildrenParts } from "./caller-children.ts";

/** A start may lose two children, which exit on what they are asked, before it finds out how a server wants to be spoken to. */
const MAX_ATTEMPTS = 3;

export interface StartOptions extends AttemptOptions {
  readonly attempts: Attempts;
  readonly backoff: CrashBackoff;
}

/**
 * Makes what starts children: as many in a row as it takes to find out the server's era, within `timeouts.start`.
 * It throws ProxyError crash_loop, child_refused, start_timeout and whatever an attempt or `admitStart` does.
 */
export function createStart(options: StartOptions): CallerChildrenParts["start"] {
  const { attempts, backoff, eras, log } = options;
  return async (parts, request, ticket) => {
    const { key, server } = parts;
    const culprit = culpritOf(key, request);
    const restMs = backoff.waitMs(culprit);
    if (restMs > 0) throw new ProxyError("crash_loop", { retryAfterSeconds: Math.ceil(restMs / 1000) });
    request.admitStart?.();
    const { startMs } = server.timeouts;
    const deadline = startMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + startMs;
    let hint: Partial<KnownEras> | undefined;
    let said: StartWords = { stderr: "", reason: undefined };
    const onUnready = (words: StartWords) => {
      said = words;
    };
    for (let attempt = 1; ; attempt++) {
      const begin = () => attemptStart(options, parts, { request, ticket, hint, deadline, onUnready });
      const outcome = await attempts.count(key, begin);
      if (!("kind" in outcome)) return outcome;
      if (outcome.kind === "refused") {
        // One that answers is there; it is what it was asked that it does not like.
        if (outcome.isUnanswered) backoff.crashed(culprit);
        log.warn({ server: server.name, how: outcome.error.message }, "pooled child could not be started");
        throw outcome.error;
      }
      if (outcome.kind === "restart") {
        if (outcome.isCertain) eras.learn(server, outcome.learnt, true);
        else hint = outcome.learnt;
      }
      if (attempt === MAX_ATTEMPTS || performance.now() >= deadline) throw startTimeout(said);
    }
  };
}
