import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ConnectLink, Link, RawMessage } from "../link/link.ts";
import { createHeldMessages } from "./held-messages.ts";
import { type Opening, openingOf } from "./opening.ts";
import type { OwnStart } from "./own-start.ts";

export interface OwnLinkOptions {
  /** The session's child; undefined: which one it is to have is found when its client has said what it opens with. */
  readonly first: OwnStart | undefined;
  /** @throws ProxyError when the caller may start nothing for such an opening. */
  readonly admit: (opening: Opening) => void;
  /** A start of the caller's whose client has left. */
  readonly find: (opening: Opening) => OwnStart | undefined;
  readonly begin: (signal: AbortSignal) => Promise<OwnStart>;
  /** Leaves a start to the caller's next session. @returns when it is no longer this one's burden; undefined: nobody can have it. */
  readonly keep: (start: OwnStart) => Promise<void> | undefined;
  /** Bytes that may wait for a child that is not there yet; 0: no bound but a number. */
  readonly outboxBytes: number;
  readonly log: Logger;
}

/** A session's way to a child that it has for itself. */
export function createOwnLink(options: OwnLinkOptions): ConnectLink {
  return (events) => {
    const { first, admit, find, begin, keep, outboxBytes, log } = options;
    const left = new AbortController();
    const held = createHeldMessages(outboxBytes);
    let start: OwnStart | undefined;
    /** Set while a child is being started for the session. */
    let beginning: Promise<void> | undefined;
    let opening: Opening | undefined;

    const fail = (error: unknown) => {
      if (left.signal.aborted) return;
      if (!(error instanceof ProxyError)) log.error({ err: error }, "starting a session's child failed");
      const { code, message, data } = error instanceof ProxyError ? error : new ProxyError("internal_error");
      events.onEnd({ kind: "failed", code, message, data: data ?? {} });
    };

    const use = (next: OwnStart) => {
      start = next;
      next.attach({ events, onLost: startAnew });
    };

    const release = () => {
      for (const message of held.take()) if (start?.send(message) !== "ok") fail(new ProxyError("child_exited"));
    };

    const startAnother = async () => {
      try {
        const next = await begin(left.signal);
        use(next);
        if (left.signal.aborted) return;
        release();
      } catch (error) {
        fail(error);
      } finally {
        beginning = undefined;
      }
    };

    /** The child is gone that would not have done, and its successor is known to be modern. */
    const startAnew = (messages: readonly RawMessage[]) => {
      start = undefined;
      if (opening !== undefined) held.add(opening.message);
      for (const message of messages) held.add(message);
      beginning = startAnother();
    };

    const choose = (message: RawMessage): ReturnType<Link["send"]> => {
      if (!held.add(message)) return "full";
      if (beginning !== undefined) return "ok";
      const found = opening === undefined ? undefined : find(opening);
      if (found === undefined) {
        beginning = startAnother();
        return "ok";
      }
      // Whoever sends must have noted that it waits for an answer before there is one.
      beginning = Promise.resolve().then(() => {
        beginning = undefined;
        use(found);
        if (!left.signal.aborted) release();
      });
      return "ok";
    };

    const send = (message: RawMessage): ReturnType<Link["send"]> => {
      const asked = opening === undefined ? openingOf(message) : undefined;
      if (asked !== undefined) {
        opening = asked;
        try {
          admit(asked);
        } catch (error) {
          queueMicrotask(() => fail(error));
          return "ok";
        }
      }
      return start === undefined ? choose(message) : start.send(message);
    };

    if (first !== undefined) use(first);
    return {
      get pid() {
        return start?.pid;
      },
      // A session's own start hears its messages itself, once it has been opened: no message pays for what came before.
      send: (message) => (opening !== undefined && start !== undefined ? start.send(message) : send(message)),
      dropped: () => start?.dropped() ?? 0,
      startWords: () => start?.startWords() ?? { stderr: "", reason: undefined },
      stop: async () => {
        left.abort();
        await beginning;
        if (start !== undefined) await (keep(start) ?? start.stop());
      },
    };
  };
}
