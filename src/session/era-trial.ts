import type { Logger } from "../base/logger.ts";
import type { EraMemory } from "../link/eras.ts";
import type { ConnectLink, Link, LinkEvents, RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";
import { valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import type { OwnBridge } from "./own-bridge.ts";

export interface EraTrialOptions {
  /** The session's own child, whose messages pass through. */
  readonly exclusive: ConnectLink;
  readonly bridge: OwnBridge;
  readonly eras: EraMemory;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
  readonly log: Logger;
}

/**
 * Passes a legacy client's messages through to its own child, as long as the child takes them. One that answers
 * `initialize` with an error may be of 2026-07-28 alone (basic/versioning): another child is then asked, and if so, the
 * session is bridged onto that one. A legacy server costs this nothing.
 */
export function createEraTrial({ exclusive, bridge, eras, server, variables, log }: EraTrialOptions): ConnectLink {
  return (events) => {
    const left = new AbortController();
    let opening: RawMessage | undefined;
    let openingId: IdKey | undefined;
    let isDecided = false;
    /** Set while it is being found out; what the client sends meanwhile. */
    let waiting: RawMessage[] | undefined;
    let stopping: Promise<void> | undefined;

    const refused = async (refusal: RawMessage) => {
      waiting = [];
      const first = link;
      const tried = await bridge.tryModern(server, variables, left.signal).catch(() => "unclear" as const);
      const connect = typeof tried === "string" ? undefined : tried;
      const queued = waiting;
      waiting = undefined;
      if (left.signal.aborted) {
        await connect?.({ onMessages: () => undefined, onEnd: () => undefined }).stop();
        return;
      }
      if (connect === undefined || opening === undefined) {
        // A child that was lost, for want of the right credentials for instance, says nothing about the next one.
        if (tried === "legacy") eras.learn(server, { modern: false });
        await events.onMessages([refusal]);
        for (const message of queued) link.send(message);
        return;
      }
      log.info({ server: server.name }, "the server speaks 2026-07-28 alone: sessions are bridged");
      stopping = first.stop();
      link = connect(events);
      link.send(opening);
      for (const message of queued) link.send(message);
    };

    const isRefusal = ({ line, message }: RawMessage) =>
      message.kind === "response" && message.id === openingId && valueAt(line, ["error"]) !== undefined;

    const watching: LinkEvents = {
      onMessages: (messages) => {
        if (isDecided || openingId === undefined) return events.onMessages(messages);
        const answer = messages.find(({ message }) => message.kind === "response" && message.id === openingId);
        if (answer === undefined) return events.onMessages(messages);
        isDecided = true;
        if (!isRefusal(answer)) {
          eras.learn(server, { legacy: true });
          return events.onMessages(messages);
        }
        if (eras.of(server).modern === false || server.timeouts.probeMs === 0) return events.onMessages(messages);
        const others = messages.filter((message) => message !== answer);
        if (others.length > 0) void events.onMessages(others);
        return refused({ ...answer, line: Buffer.from(answer.line) });
      },
      onEnd: (end) => {
        // The first child is stopped on purpose once there is another, and may end by itself while that is found out.
        if (stopping === undefined && waiting === undefined) events.onEnd(end);
      },
    };

    let link: Link = exclusive(watching);
    return {
      get pid() {
        return link.pid;
      },
      send: (message) => {
        if (waiting !== undefined) {
          waiting.push(message);
          return "ok";
        }
        if (!isDecided && openingId === undefined && message.message.kind === "request") {
          if (message.message.method === "initialize") {
            opening = message;
            openingId = message.message.id;
          } else {
            isDecided = true;
          }
        }
        return link.send(message);
      },
      dropped: () => link.dropped(),
      stop: async () => {
        left.abort();
        await Promise.all([link.stop(), stopping]);
      },
    };
  };
}
