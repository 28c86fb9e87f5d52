import type { Logger } from "../base/logger.ts";
import type { Identity } from "./identity.ts";
import type { RawMessage } from "./link.ts";
import type { News } from "./news.ts";
import type { SharedLink } from "./shared.ts";

/** Requests of a child that wait until somebody is there to answer them; more are refused. */
const MAX_HELD_REQUESTS = 16;

/** Hears a child that somebody has alone: what it asks and tells is theirs. */
export interface Attendant {
  readonly onNotification: (message: RawMessage) => Promise<void> | undefined;
  readonly onRequest: (message: RawMessage) => void;
}

export interface MemberOptions {
  readonly name: string;
  readonly link: SharedLink;
  readonly identity: Identity;
  readonly news: News;
  readonly log: Logger;
}

/** A child of the pool. It is used by many at a time, or by one alone. */
export interface Member {
  readonly name: string;
  readonly link: SharedLink;
  readonly identity: Identity;
  readonly bornAt: number;
  /** Calls that share it. */
  sharers: number;
  /** Somebody has it alone. */
  isAlone: boolean;
  /** Whoever had it alone waits for a client: the place counts as free for others. */
  isParked: boolean;
  /** Sessions and subscriptions that want it to stay. */
  holds: number;
  /** It knows something of one client, and must not serve another one. */
  isSpent: boolean;
  /** Since when nobody has used it. */
  idleSince: number;
  /** Whose requests and notifications are these? @returns requests that came while nobody was there to ask. */
  readonly attend: (attendant: Attendant | undefined) => readonly RawMessage[];
}

export function createMember({ name, link, identity, news }: MemberOptions): Member {
  let attendant: Attendant | undefined;
  let held: RawMessage[] = [];

  const withdraw = (line: Buffer) => {
    const cancelled: unknown = JSON.parse(line.toString());
    const id = JSON.stringify(requestIdOf(cancelled));
    held = held.filter(({ message }) => message.kind !== "request" || message.rawId !== id);
  };

  link.attend({
    onNotification: (raw) => {
      const { line, message } = raw;
      const method = message.kind === "notification" ? message.method : "";
      if (method === "notifications/cancelled" && held.length > 0) withdraw(line);
      if (isNews(method)) {
        news.publish({ line, method });
        return undefined;
      }
      return attendant?.onNotification(raw);
    },
    onRequest: (raw) => {
      const { message } = raw;
      if (message.kind !== "request") return;
      if (message.method === "ping") {
        link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":{}}`));
        return;
      }
      if (attendant !== undefined) {
        attendant.onRequest(raw);
        return;
      }
      if (held.length < MAX_HELD_REQUESTS) {
        held.push({ line: Buffer.from(raw.line), message });
        return;
      }
      link.write(
        Buffer.from(
          `{"jsonrpc":"2.0","id":${message.rawId},"error":{"code":-32603,"message":"No client is there to be asked."}}`,
        ),
      );
    },
  });

  const now = performance.now();
  return {
    name,
    link,
    identity,
    bornAt: now,
    sharers: 0,
    isAlone: false,
    isParked: false,
    holds: 0,
    isSpent: false,
    idleSince: now,
    attend: (next) => {
      attendant = next;
      if (next === undefined) return [];
      const waiting = held;
      held = [];
      return waiting;
    },
  };
}

/** What concerns everyone who uses the child, whoever caused it. */
function isNews(method: string): boolean {
  return method === "notifications/resources/updated" || method.endsWith("/list_changed");
}

function requestIdOf(message: unknown): unknown {
  if (typeof message !== "object" || message === null || !("params" in message)) return undefined;
  const { params } = message;
  return typeof params === "object" && params !== null && "requestId" in params ? params.requestId : undefined;
}
