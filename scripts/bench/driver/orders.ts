import type { CallName } from "./messages.ts";

/** What the benchmark asks of its driver; each order is answered before the next is given. */
export type Order =
  | OpenOrder
  /** Keeps the first `lanes` lanes of every open session busy for `ms`. */
  | { readonly kind: "load"; readonly call: CallName; readonly lanes: number; readonly ms: number }
  /** Closes every open session. */
  | { readonly kind: "close" }
  /** Opens, initialises and closes one session after the other. */
  | { readonly kind: "connect"; readonly times: number }
  /** Makes calls one after the other on a connection of their own, without `initialize`. */
  | { readonly kind: "calls"; readonly call: CallName; readonly times: number }
  /** Counts the sessions that are open still. */
  | { readonly kind: "alive" };

/** Opens and initialises sessions until `sessions` are open, at most for `limitMs`, each with `lanes` connections for messages. */
export interface OpenOrder {
  readonly kind: "open";
  readonly sessions: number;
  readonly lanes: number;
  readonly limitMs: number;
  /** A call that each session makes as soon as it is initialised. */
  readonly call?: CallName;
}

/** What each order is answered with. */
export interface Replies {
  readonly open: { readonly opened: number };
  readonly load: Load;
  readonly close: null;
  /** Milliseconds from the first SYN to the answer to `initialize`, one for each time. */
  readonly connect: readonly number[];
  /** Milliseconds from the request to its answer, one for each time. */
  readonly calls: readonly number[];
  readonly alive: { readonly alive: number };
}

/** What a timed round found. */
export interface Load {
  readonly messages: number;
  readonly seconds: number;
  /** CPU time of the gateway's own process during the round. */
  readonly cpuSeconds: number;
  /** Round trip times in microseconds at the median and the 99th percentile. */
  readonly p50Us: number;
  readonly p99Us: number;
}

export type Reply = { readonly value: Replies[Order["kind"]] } | { readonly error: string };
