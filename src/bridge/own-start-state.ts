import type { Logger } from "../base/logger.ts";
import type { EraMemory } from "../link/eras.ts";
import type { Link, LinkEnd, LinkEvents, OwedRequest, RawMessage } from "../link/link.ts";
import type { ReadEvents } from "../link/shared.ts";
import type { Child } from "../process/child.ts";
import type { Server } from "../process/server.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import type { ChildSource } from "./child-source.ts";
import { createEarlyMessages, type EarlyMessages } from "./early-messages.ts";
import { createHeldMessages, type HeldMessages } from "./held-messages.ts";
import type { Opening } from "./opening.ts";

/*
 * One child that was started for a session of a legacy client, from its first moment to its last, as one tagged stage.
 *
 * - One session is attached at a time, or none: the start goes on without its client, and is taken up by the caller's next session.
 * - It can be taken up as long as it is *unclaimed*: no client has got an answer of it, and it has got nothing of a client but one
 *   `initialize`. Before that it fits any client; after it, only one that says the same of itself and asks for the same revision.
 *   What a modern child was asked is the proxy's own, so it fits everybody.
 * - While nobody is attached nothing is lost: the answer to `initialize` is kept, and so are the child's first messages, within bounds.
 * - A refused `initialize` is no answer yet: the same child is asked whether it is modern, and the session is bridged onto it if so
 *   (2026-07-28, basic/versioning). A refusal with -32022 proves it, and reaches no client.
 */
export type Stage =
  /** It has been asked nothing that it would have to answer. */
  | { readonly kind: "unasked" }
  | { readonly kind: "initialising"; readonly opening: Opening }
  /** It has agreed, and no client has heard of it. */
  | { readonly kind: "initialised"; readonly opening: Opening; readonly answer: RawMessage }
  /** `server/discover` is asked, after a refusal, or because servers of its like are modern. */
  | { readonly kind: "discovering"; readonly refusal: Refusal | undefined }
  /** It is modern, and serves no client yet. */
  | { readonly kind: "modern"; readonly source: ChildSource; readonly stop: () => Promise<void> }
  /** Its client's messages pass through. */
  | { readonly kind: "passing"; readonly events: LinkEvents }
  /** Its client's messages go over the bridge. */
  | { readonly kind: "bridged"; readonly link: Link }
  | { readonly kind: "over"; readonly end: LinkEnd };

export interface Refusal {
  readonly opening: Opening;
  readonly answer: RawMessage;
  /** It says that the child is modern. */
  readonly isProven: boolean;
}

export interface OwnStartOptions {
  readonly child: Child;
  /** What the log calls the child. */
  readonly name: string;
  readonly server: Server;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
  /** Called when the start is over: it has answered something, or ended. May come more than once. */
  readonly onStarted: () => void;
  /** It has ended before its first answer. @param content what of a client it had got by then; empty: nothing. */
  readonly onCrash: (content: string) => void;
  /** It has answered, with so much of a client. */
  readonly onWorks: (content: string) => void;
}

/** A session that is attached. */
export interface OwnStartClient {
  readonly events: LinkEvents;
  /**
   * The child has proved that it is modern, and ended: another one is to be started for the session.
   * @param messages what the client has sent after its `initialize`.
   */
  readonly onLost: (messages: readonly RawMessage[]) => void;
}

/** All that is known of a start. */
export interface OwnState {
  readonly options: OwnStartOptions;
  /** Fields for the lines of the log. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly held: HeldMessages;
  readonly early: EarlyMessages;
  readonly answered: PromiseWithResolvers<void>;
  readonly useless: PromiseWithResolvers<void>;
  stage: Stage;
  client: OwnStartClient | undefined;
  /** What the attached session has opened with. */
  opening: Opening | undefined;
  /** What the child has got of a client; empty: nothing. */
  content: string;
  /** It has got more of a client than one `initialize`. */
  isTouched: boolean;
  /** A client has waited for it. */
  isWanted: boolean;
  isStopping: boolean;
  hasAnswered: boolean;
  /** When its first answer was waited for from, in milliseconds of `performance.now()`. */
  askedAt: number;
  probeTimer: ReturnType<typeof setTimeout> | undefined;
  /** Who hears the child in place of a client: the bridge's link. */
  reader: ReadEvents | undefined;
  readonly dropped: () => number;
}

export function createOwnState(options: OwnStartOptions, dropped: () => number): OwnState {
  const { child, name, server } = options;
  return {
    options,
    context: { session: name, server: server.name, pid: child.pid },
    held: createHeldMessages(server.limits.outboxBytes),
    early: createEarlyMessages(child),
    answered: Promise.withResolvers<void>(),
    useless: Promise.withResolvers<void>(),
    stage: { kind: "unasked" },
    client: undefined,
    opening: undefined,
    content: "",
    isTouched: false,
    isWanted: false,
    isStopping: false,
    hasAnswered: false,
    askedAt: performance.now(),
    probeTimer: undefined,
    reader: undefined,
    dropped,
  };
}

/** The id of the proxy's own question; no client counts like that. */
export const DISCOVER_ID = '"mcp-sse-proxy server/discover"';

/** Whether another session may have it, as far as is known without its `initialize`. */
export function isUnclaimed({ stage, isTouched, isStopping }: OwnState): boolean {
  if (isTouched || isStopping) return false;
  switch (stage.kind) {
    case "passing":
    case "bridged":
    case "over":
      return false;
    case "discovering":
      return stage.refusal === undefined || stage.refusal.isProven;
    default:
      return true;
  }
}

/** Whether it is as good for a session that opens so as one that was started for it. */
export function fits({ stage }: OwnState, { content }: Opening): boolean {
  switch (stage.kind) {
    case "unasked":
    case "modern":
      return true;
    case "discovering":
      return stage.refusal === undefined || stage.refusal.isProven;
    case "initialising":
    case "initialised":
      return stage.opening.content === content;
    default:
      return false;
  }
}

/** The requests that the child owes an answer, under the ids that it knows. */
export function owedBy({ stage, reader, client }: OwnState): Iterable<OwedRequest> {
  if (reader !== undefined) return reader.owed();
  if (stage.kind === "initialising") {
    const { id, rawId } = stage.opening;
    return [{ id, rawId, identity: stage.opening }];
  }
  if (stage.kind === "discovering") return [{ id: DISCOVER_ID, rawId: DISCOVER_ID, identity: stage }];
  return client?.events.owed?.() ?? [];
}
