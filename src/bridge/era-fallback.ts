import { ERRORS, ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EraMemory } from "../link/eras.ts";
import type { ConnectLink, Link, LinkEnd, LinkEvents, RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";
import { valueAt } from "../wire/json-edit.ts";
import { errorAnswer, type IdKey, twinOf } from "../wire/message.ts";
import { createHeldMessages, type HeldMessages } from "./held-messages.ts";
import type { OwnChildBridge } from "./own-child.ts";

export interface EraFallbackOptions {
  /** The session's own child, whose messages pass through. */
  readonly exclusive: ConnectLink;
  readonly bridge: OwnChildBridge;
  readonly eras: EraMemory;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  readonly log: Logger;
  /** Called when the first child has said whether it takes the client: its start is over, and the next may begin. */
  readonly onStarted: () => void;
}

/**
 * Passes a legacy client's messages through to its own child, as long as the child takes them. One that answers
 * `initialize` with an error may be of 2026-07-28 alone (basic/versioning): another child is then asked, and if so, the
 * session is bridged onto that one. A legacy server costs this nothing.
 */
export function createEraFallback(options: EraFallbackOptions): ConnectLink {
  const { exclusive, bridge, eras, server, variables, log } = options;
  return (events) => {
    const left = new AbortController();
    let opening: RawMessage | undefined;
    let openingId: IdKey | undefined;
    let isDecided = false;
    /** Set while it is not known which child the client's messages are for. */
    let held: HeldMessages | undefined;
    /** Set while another child is asked. */
    let probing: Promise<void> | undefined;
    /** How the first child ended in the meantime. */
    let firstEnd: LinkEnd | undefined;
    let stopping: Promise<void> | undefined;

    const passOn = (message: RawMessage) => {
      const sent = link.send(message);
      if (sent === "ok" || message.message.kind !== "request") return;
      const { id, rawId } = message.message;
      const code = sent === "full" ? "child_busy" : "child_exited";
      const line = Buffer.from(errorAnswer(rawId, ERRORS[code].rpc, new ProxyError(code).message, { code }));
      void events.onMessages([{ line, message: { kind: "response", id } }]);
    };

    const release = () => {
      const waiting = held?.take() ?? [];
      held = undefined;
      for (const message of waiting) passOn(message);
    };

    const probe = async (refusal: RawMessage, first: RawMessage) => {
      const found = await bridge.tryModern(server, variables, left.signal);
      if (left.signal.aborted) {
        if (typeof found === "function") await found({ onMessages: () => undefined, onEnd: () => undefined }).stop();
        return;
      }
      if (typeof found !== "function") {
        // A child that was lost, for want of the right credentials for instance, says nothing about the next one.
        if (found === "legacy") eras.learn(server, { modern: false }, true);
        await events.onMessages([refusal]);
        if (firstEnd === undefined) release();
        else events.onEnd(firstEnd);
        return;
      }
      log.info({ server: server.name }, "the server speaks 2026-07-28 alone: sessions are bridged");
      stopping = link.stop();
      link = found(events);
      link.send(first);
      release();
    };

    const isRefusal = ({ line }: RawMessage) => valueAt(line, ["result"]) === undefined;

    const watching: LinkEvents = {
      ...(events.owed === undefined ? {} : { owed: events.owed }),
      onMessages: (messages) => {
        const isAnswer = ({ message }: RawMessage) =>
          message.kind === "response" && (message.id === openingId || twinOf(message.id) === openingId);
        const answer = isDecided || openingId === undefined ? undefined : messages.find(isAnswer);
        if (answer === undefined || opening === undefined) return events.onMessages(messages);
        isDecided = true;
        options.onStarted();
        const isLegacy = !isRefusal(answer);
        if (isLegacy) eras.learn(server, { legacy: true }, true);
        if (isLegacy || eras.of(server).modern === false || server.timeouts.probeMs === 0) {
          const sent = events.onMessages(messages);
          release();
          return sent;
        }
        const others = messages.filter((message) => message !== answer);
        if (others.length > 0) void events.onMessages(others);
        held ??= createHeldMessages(server.limits.outboxBytes);
        probing = probe({ ...answer, line: Buffer.from(answer.line) }, opening).finally(() => {
          probing = undefined;
        });
        return undefined;
      },
      onEnd: (end) => {
        // It is stopped on purpose once there is another, and may end by itself while that is found out.
        if (probing !== undefined && stopping === undefined) firstEnd = end;
        else if (stopping === undefined) events.onEnd(end);
      },
    };

    let link: Link = exclusive(watching);
    return {
      get pid() {
        return link.pid;
      },
      send: (message) => {
        const { kind } = message.message;
        // What answers the first child goes to the first child.
        if (held !== undefined && kind !== "response") return held.add(message) ? "ok" : "full";
        if (openingId === undefined && message.message.kind === "request" && message.message.method === "initialize") {
          opening = message;
          openingId = message.message.id;
          // A client that does not wait for the answer must not have the rest refused by the wrong child.
          if (eras.of(server).legacy !== true) held = createHeldMessages(server.limits.outboxBytes);
        }
        return link.send(message);
      },
      dropped: () => link.dropped(),
      startWords: () => link.startWords?.() ?? { stderr: "", reason: undefined },
      stop: async () => {
        left.abort();
        await Promise.all([link.stop(), stopping, probing]);
      },
    };
  };
}
