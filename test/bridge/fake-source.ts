import type { ChildSource } from "../../src/bridge/child-source.ts";
import type { CallEvents } from "../../src/link/call-events.ts";
import { type Identity, identityOfDiscover, identityOfInitialize } from "../../src/link/identity.ts";
import type { LinkEnd, RawMessage } from "../../src/link/link.ts";
import type { SharedLink } from "../../src/link/shared.ts";
import type { Lease } from "../../src/pool/lease.ts";
import { createNotifications, type Notifications } from "../../src/pool/notifications.ts";
import type { Listener } from "../../src/pool/pooled-child.ts";
import type { Subscribed } from "../../src/pool/subscriptions.ts";

/** A request that a made-up child has got, in the test's hand. */
export interface FakeCall {
  readonly method: string;
  /** The request as it was written. */
  readonly request: { readonly params?: Readonly<Record<string, unknown>> };
  readonly events: CallEvents;
  readonly cancelled: () => string | undefined;
  /** Whether its time runs. */
  readonly isTimed: () => boolean;
  /** Answers with these pooledChildren beside an id. */
  readonly answer: (pooledChildren: object) => void;
  readonly notify: (method: string, params: object) => void;
}

export interface FakeSource {
  readonly source: ChildSource;
  readonly identity: Identity;
  readonly notifications: Notifications;
  readonly calls: readonly FakeCall[];
  /** The call of this number, counted from 0, when there is one. */
  readonly call: (index: number) => Promise<FakeCall>;
  /** What was written to the child beside requests. */
  readonly written: readonly string[];
  /** What became of its leases, and of subscriptions at the source, in order. */
  readonly events: readonly string[];
  readonly listeners: ReadonlySet<Listener>;
  readonly loseChild: () => void;
  /** What the next lease or call throws. */
  readonly failNext: (at: "lease" | "call", error: Error) => void;
  readonly setSubscribed: (subscribed: Promise<Subscribed>) => void;
  /** What the child has asked before anybody listened to it. */
  readonly askEarly: (method: string, id: number) => void;
}

const CAPABILITIES = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };

export function createFakeSource(
  era: "legacy" | "modern",
  isOwn = false,
  capabilities: object = CAPABILITIES,
): FakeSource {
  const identity =
    era === "modern"
      ? identityOfDiscover({ supportedVersions: ["2026-07-28"], capabilities })
      : identityOfInitialize({ protocolVersion: "2025-11-25", capabilities });
  if (identity === undefined) throw new Error("no identity");
  const notifications = createNotifications();
  const calls: FakeCall[] = [];
  const written: string[] = [];
  const events: string[] = [];
  const listeners = new Set<Listener>();
  const failures = new Map<string, Error>();
  let ended = Promise.withResolvers<LinkEnd>();
  let subscribed: Promise<Subscribed> = Promise.resolve({ kind: "ok" });
  const early: RawMessage[] = [];
  let leases = 0;

  const fail = (at: string): void => {
    const error = failures.get(at);
    failures.delete(at);
    if (error !== undefined) throw error;
  };
  const link = (): SharedLink => ({
    pid: 1,
    spoke: Promise.resolve(),
    call: ({ line, method }, callEvents) => {
      fail("call");
      let reason: string | undefined;
      let isTimed = true;
      calls.push({
        method,
        request: JSON.parse(line.toString()) as FakeCall["request"],
        events: callEvents,
        cancelled: () => reason,
        isTimed: () => isTimed,
        answer: (members) =>
          void callEvents.onAnswer(Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, ...members }))),
        notify: (notification, params) => {
          const text = JSON.stringify({ jsonrpc: "2.0", method: notification, params });
          void callEvents.onNotification(Buffer.from(text), notification);
        },
      });
      const cancel = (why: string): void => {
        reason = why;
      };
      const time = (runs: boolean) => () => {
        isTimed = runs;
      };
      return { cancel, pause: time(false), goOn: time(true), resume: time(true) };
    },
    write: (line) => void written.push(line.toString()),
    startWords: () => ({ stderr: "", reason: undefined }),
    inFlight: () => calls.length,
    listen: () => undefined,
    ended: ended.promise,
    isEnded: () => false,
    stop: () => Promise.resolve(),
  });
  const lease: ChildSource["lease"] = async (mode, signal) => {
    fail("lease");
    if (signal.aborted) throw new Error("leased after the end");
    const number = ++leases;
    const note = (what: string) => () => void events.push(`${number} ${what}`);
    events.push(`${number} ${mode}`);
    let attended: Listener | undefined;
    const given: Lease = {
      link: link(),
      identity,
      variant: {},
      listen: (listener) => {
        attended = listener;
        listeners.add(listener);
        return early.splice(0);
      },
      setParked: (isParked) => void events.push(`${number} ${isParked ? "parked" : "back"}`),
      tellRoots: note("roots"),
      retire: note("retired"),
      pin: () => {
        events.push(`${number} pinned`);
        return note("unpinned");
      },
      release: () => {
        if (attended !== undefined) listeners.delete(attended);
        events.push(`${number} released`);
      },
    };
    return given;
  };

  return {
    source: {
      isOwn,
      lease,
      notifications,
      subscribe: (_, uri) => {
        events.push(`subscribe ${uri}`);
        return subscribed;
      },
      unsubscribe: (uri) => void events.push(`unsubscribe ${uri}`),
    },
    identity,
    notifications,
    calls,
    call: async (index) => {
      for (let turn = 0; turn < 100 && calls[index] === undefined; turn++) await Promise.resolve();
      const found = calls[index];
      if (found === undefined) throw new Error(`there is no call ${index}`);
      return found;
    },
    written,
    events,
    listeners,
    loseChild: () => {
      const last = ended;
      ended = Promise.withResolvers<LinkEnd>();
      last.resolve({ kind: "closed", stream: "stdout", stderr: "" });
    },
    failNext: (at, error) => void failures.set(at, error),
    askEarly: (method, id) => {
      const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params: {} }));
      early.push({ line, message: { kind: "request", id: `${id}`, rawId: `${id}`, method } });
    },
    setSubscribed: (next) => {
      subscribed = next;
    },
  };
}

/** Lets everything happen that waits for nothing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}
