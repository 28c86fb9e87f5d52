import { randomBytes } from "node:crypto";
import { ProxyError } from "../../base/errors.ts";
import { type Caller, callerKey } from "../../pool/caller.ts";
import type { Server } from "../../process/server.ts";
import type { Session } from "../../session/session.ts";
import type { ClientStream } from "../client-stream.ts";
import { createHistory, createHistoryBudget } from "../history.ts";
import type { EventStreamOutput, Return } from "./output.ts";

/** What the histories of all sessions together may hold. */
const HISTORY_BYTES = 64 * 1024 * 1024;

/** Events of one session that are remembered. */
const HISTORY_EVENTS = 1_024;

/** Events are remembered for so long, or for as long as their client may be away. */
const HISTORY_AGE_MS = 5 * 60_000;

/** 12 bytes of the system's random generator: nobody guesses them. */
const HANDLE_BYTES = 12;

/** A session and its one output. */
export interface OpenSession {
  readonly session: Session;
  readonly output: EventStreamOutput;
}

/** A session whose client is back. */
export interface Returned extends OpenSession {
  readonly stream: ClientStream;
}

/** The way back to sessions of HTTP+SSE: an EventSource that was cut off comes by itself, with the id of the last event that it saw. */
export interface Returns {
  /** What a new session's output needs for it; undefined: the server's clients cannot come back. */
  readonly prepare: (server: Server) => Return | undefined;
  /** The session is there, until its child is gone. */
  readonly add: (handle: string, open: OpenSession, caller: Caller) => void;
  /**
   * Connects a client with the session that an event's id is of. undefined: there is none that is its own, by server, principal
   * and client variables; one that is somebody else's looks like one that is over.
   *
   * @throws ProxyError session_not_found when something that the client missed is forgotten, which ends the session.
   */
  readonly find: (lastEventId: string, caller: Caller) => Returned | undefined;
}

export function createReturns(): Returns {
  const budget = createHistoryBudget(HISTORY_BYTES);
  const sessions = new Map<string, OpenSession & { readonly caller: string }>();

  return {
    prepare: ({ limits: { outboxBytes }, timeouts: { reconnectMs } }) => {
      if (reconnectMs === 0) return undefined;
      const maxAgeMs = Math.max(HISTORY_AGE_MS, 2 * reconnectMs);
      return {
        handle: randomBytes(HANDLE_BYTES).toString("base64url"),
        reconnectMs,
        history: createHistory({ budget, maxEvents: HISTORY_EVENTS, maxBytes: outboxBytes, maxAgeMs }),
        awayBytes: outboxBytes / 2,
      };
    },
    add: (handle, open, caller) => {
      sessions.set(handle, { ...open, caller: callerKey(caller) });
      void open.session.gone.then(() => sessions.delete(handle));
    },
    find: (lastEventId, caller) => {
      const [, handle = "", sequence = ""] = EVENT_ID.exec(lastEventId) ?? [];
      const found = sessions.get(handle);
      if (found === undefined || found.session.server !== caller.server || found.caller !== callerKey(caller))
        return undefined;
      const { session, output } = found;
      const stream = output.connect(Number(sequence));
      if (stream === undefined || stream === "over") return undefined;
      if (stream !== "gap") return { session, output, stream };
      session.end("client-closed");
      throw new ProxyError("session_not_found", {
        message: "Events after Last-Event-ID are no longer known, so the session cannot go on. Open a new one.",
      });
    },
  };
}

/** `HANDLE-SEQUENCE`. */
const EVENT_ID = /^([\w-]{16})-(\d{1,15})$/;
