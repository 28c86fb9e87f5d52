import { ProxyError } from "../base/errors.ts";
import type { RawMessage } from "../link/link.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "../wire/envelope.ts";
import { jsonAt } from "../wire/json-value.ts";
import { setLogLevel } from "./log-level.ts";
import { ASKING_METHODS } from "./messages/capabilities.ts";
import { createPassedQuestions } from "./passed-questions.ts";
import type { ServerRequest, ServerRequestOptions } from "./server-request.ts";

/** A legacy client's request at a legacy child that other sessions use, too. */
export function createLegacyServerRequest(options: ServerRequestOptions): ServerRequest {
  const { parts, request, logLevel, signal, onOver } = options;
  const { source, clientRequests, deliver, refuse, isAskable } = parts;
  const { id, line, method } = request;
  // The time that its client takes is none of the child's; how long that may be is the session's business.
  const questions = createPassedQuestions(clientRequests, id, (isWaiting) =>
    isWaiting ? call?.pause() : call?.goOn(),
  );
  /** Nobody else uses its child: what that asks and tells is this client's. */
  let isAlone = false;
  let lease: Lease | undefined;
  let call: Call | undefined;
  let isOver = false;

  const end = (isAtWork: boolean) => {
    if (isOver) return;
    isOver = true;
    // A child that still waits or works for one client must not be given to another, who would be asked and told.
    if (questions.open() > 0 || (isAlone && isAtWork)) lease?.retire();
    clientRequests.abandon(id);
    lease?.release();
    onOver();
  };

  const onNotification = (raw: RawMessage): Promise<void> | undefined => {
    if (raw.message.kind !== "notification") return undefined;
    if (raw.message.method === "notifications/cancelled") {
      questions.withdraw(raw.line);
      return undefined;
    }
    if (raw.message.method !== "notifications/message" || isLoudEnough(raw.line, logLevel()))
      return deliver({ ...raw, about: id });
    return undefined;
  };

  /** Hears the child, and has answered what it wanted to know before anything else before anything else. */
  const listenTo = async (child: Lease) => {
    const onRequest = (raw: RawMessage) => void questions.pass({ ...raw, line: Buffer.from(raw.line) }, child);
    const waiting = child.listen({ onNotification, onRequest });
    await Promise.all(waiting.map((raw) => questions.pass(raw, child)));
  };

  const send = (child: Lease) => {
    const level = isAlone ? logLevel() : undefined;
    if (level !== undefined) setLogLevel(child, level);
    call = child.link.call(
      { line, method },
      {
        onNotification: (said, name) => deliver({ line: said, message: { kind: "notification", method: name } }),
        onAnswer: (answer) => {
          end(false);
          return deliver({ line: answer, message: { kind: "response", id } });
        },
        onFailure: (error) => {
          end(true);
          refuse(request, error);
        },
      },
    );
  };

  return {
    begin: async () => {
      try {
        isAlone = logLevel() !== undefined || (isAskable && ASKING_METHODS.has(method));
        const leased = await source.lease(isAlone ? "alone" : "shared", signal);
        if (isOver) {
          leased.release();
          return false;
        }
        lease = leased;
        if (isAlone) await listenTo(leased);
        if (isOver) return false;
        send(leased);
        return true;
      } catch (error) {
        const wasOver = isOver;
        end(true);
        if (!(error instanceof ProxyError)) throw error;
        if (!wasOver) refuse(request, error);
        return false;
      }
    },
    cancel: (reason) => {
      call?.cancel(reason);
      // It may go on asking and telling: that must not reach whoever has it next.
      end(call !== undefined);
    },
  };
}

/** Whether a client that wants the log from a level on wants a message; one of no known level is for everyone. */
function isLoudEnough(line: Buffer, wanted: LogLevel | undefined): boolean {
  if (wanted === undefined) return false;
  const level = jsonAt(line, ["params", "level"]);
  return !isLogLevel(level) || LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted);
}
