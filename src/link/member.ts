import type { Identity } from "./identity.ts";
import type { RawMessage } from "./link.ts";
import type { News } from "./news.ts";
import type { SharedLink } from "./shared.ts";

/** Requests of a child that wait until somebody is there to answer them; more are refused. */
const MAX_HELD_REQUESTS = 16;

/** Hears what a child asks and tells, as long as nobody else hears it: with two, nobody could say whose it is. */
export interface Attendant {
  readonly onNotification: (message: RawMessage) => Promise<void> | undefined;
  readonly onRequest: (message: RawMessage) => void;
}

export interface MemberOptions {
  readonly name: string;
  readonly link: SharedLink;
  readonly identity: Identity;
  /** Whether it was told that its clients can be asked for something. */
  readonly isAskable: boolean;
  readonly news: News;
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
  /** The roots that it was told, as JSON text: it serves no client with others. */
  roots: string | undefined;
  /** Since when nobody has used it. */
  idleSince: number;
  /** @returns requests that came while nobody was there to ask, and the remover. */
  readonly attend: (attendant: Attendant) => { readonly waiting: readonly RawMessage[]; readonly leave: () => void };
}

export function createMember({ name, link, identity, isAskable, news }: MemberOptions): Member {
  const attendants = new Set<Attendant>();
  let held: RawMessage[] = [];

  const withdraw = (line: Buffer) => {
    const cancelled: unknown = JSON.parse(line.toString());
    const id = JSON.stringify(requestIdOf(cancelled));
    held = held.filter(({ message }) => message.kind !== "request" || message.rawId !== id);
  };

  /** Nobody has used it yet: what it asks now it would ask of anybody. */
  let isFresh = true;
  /** Somebody has had it alone, and may have wanted its log. */
  let wasAlone = false;

  const soleAttendant = (): Attendant | undefined => {
    const [first] = attendants;
    return attendants.size === 1 ? first : undefined;
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
      const attendant = soleAttendant();
      // It goes on talking of a call that is over: whoever has it next must not get that for their own.
      if (attendant === undefined && method === "notifications/message" && wasAlone) member.isSpent = true;
      return attendant?.onNotification(raw);
    },
    onRequest: (raw) => {
      const { message } = raw;
      if (message.kind !== "request") return;
      if (message.method === "ping") {
        link.write(Buffer.from(`{"jsonrpc":"2.0","id":${message.rawId},"result":{}}`));
        return;
      }
      const attendant = identity.era === "legacy" ? soleAttendant() : undefined;
      if (attendant !== undefined) {
        attendant.onRequest(raw);
        return;
      }
      // Revision 2026-07-28 has no such requests, so nobody will ever answer a modern child's. A question that comes when its
      // call is over is nobody's, unless it is one that any client can be asked.
      const isAnybodys = isFresh || message.method === "roots/list";
      if (isAskable && isAnybodys && identity.era === "legacy" && held.length < MAX_HELD_REQUESTS) {
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
  const member: Member = {
    name,
    link,
    identity,
    bornAt: now,
    sharers: 0,
    isAlone: false,
    isParked: false,
    holds: 0,
    isSpent: false,
    roots: undefined,
    idleSince: now,
    attend: (attendant) => {
      isFresh = false;
      wasAlone ||= member.isAlone;
      attendants.add(attendant);
      const waiting = held;
      held = [];
      return { waiting, leave: () => void attendants.delete(attendant) };
    },
  };
  return member;
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
