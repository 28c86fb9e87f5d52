import { readChild } from "../link/child-reader.ts";
import { servedEra } from "../link/eras.ts";
import type { Link, RawMessage } from "../link/link.ts";
import type { StartWords } from "../process/child-stderr.ts";
import type { Server } from "../process/server.ts";
import type { Opening } from "./opening.ts";
import { onEnd, PING_ID, take } from "./own-start-answers.ts";
import {
  createOwnState,
  fits,
  isUnclaimed,
  type OwnStartClient,
  type OwnStartOptions,
  owedBy,
} from "./own-start-state.ts";
import { bridge, discover, send } from "./own-start-steps.ts";

/** A child that a session has for itself, with all that comes before its first answer. */
export interface OwnStart {
  readonly name: string;
  readonly server: Server;
  readonly pid: number;
  /** Attaches a session; none may be attached. */
  readonly attach: (client: OwnStartClient) => void;
  /** Goes on without the session. */
  readonly detach: () => void;
  readonly send: (message: RawMessage) => ReturnType<Link["send"]>;
  /** Whether nobody has asked it anything. */
  readonly isUnasked: () => boolean;
  /** Whether another session may have it, as far as is known without its `initialize`. */
  readonly isUnclaimed: () => boolean;
  readonly fits: (opening: Opening) => boolean;
  /** Until when it may be without an answer, in milliseconds of `performance.now()`; Infinity: there is no limit. */
  readonly deadline: () => number;
  /** Whether a client has waited for it: whoever that was may come again. */
  readonly isWanted: () => boolean;
  /** Settles when it has answered something. */
  readonly answered: Promise<void>;
  /** Settles when no client can have it any more: it has ended, or refused the one that was there. */
  readonly useless: Promise<void>;
  readonly dropped: () => number;
  /** What the child has said while its first answer is waited for. */
  readonly startWords: () => StartWords;
  readonly stop: () => Promise<void>;
}

export function createOwnStart(options: OwnStartOptions): OwnStart {
  const { child, name, server, eras, scan, log } = options;
  const { startMs } = server.timeouts;
  const own = createOwnState(options, () => reading.dropped());
  const reading = readChild({
    child,
    scan,
    maxLineBytes: server.limits.lineBytes,
    log,
    context: own.context,
    onMessages: (messages) => {
      if (own.stage.kind === "passing") return own.stage.events.onMessages(messages);
      const slow = messages.map((raw) => take(own, raw)).filter((sent) => sent !== undefined);
      return slow.length === 0 ? undefined : Promise.all(slow).then(() => undefined);
    },
    owed: () => owedBy(own),
    onEnd: (end) => onEnd(own, end),
  });
  if (servedEra(eras.of(server), "legacy") === "modern") discover(own, undefined);

  return {
    name,
    server,
    pid: child.pid,
    attach: (client) => {
      own.client = client;
      if (own.stage.kind === "modern") bridge(own, client, own.stage);
      // It may have ended while nobody was there to hear of it.
      else if (own.stage.kind === "over") client.events.onEnd(own.stage.end);
    },
    detach: () => {
      own.client = undefined;
      own.opening = undefined;
      own.held.take();
      if (own.stage.kind !== "unasked" || own.hasAnswered) return;
      // Nobody has asked it anything, so nothing would tell that it is ready.
      child.write(Buffer.from(`{"jsonrpc":"2.0","id":${PING_ID},"method":"ping"}`));
    },
    send: (message) => send(own, message),
    isUnasked: () => own.stage.kind === "unasked" && !own.isTouched,
    isUnclaimed: () => isUnclaimed(own),
    fits: (opening) => fits(own, opening),
    deadline: () => (startMs === 0 ? Number.POSITIVE_INFINITY : own.askedAt + startMs),
    isWanted: () => own.isWanted,
    answered: own.answered.promise,
    useless: own.useless.promise,
    dropped: () => reading.dropped(),
    startWords: () => child.stderr.startWords(false),
    stop: () => {
      own.isStopping = true;
      clearTimeout(own.probeTimer);
      const { stage } = own;
      const stopped = stage.kind === "bridged" ? stage.link.stop() : child.stop({ isStarting: !own.hasAnswered });
      options.onStarted();
      return stopped;
    },
  };
}
