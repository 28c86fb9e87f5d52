import type { ErrorCode } from "../base/errors.ts";
import type { StartWords } from "../process/child-stderr.ts";
import type { ProcessExit } from "../process/exit.ts";
import type { IdKey, Message } from "../wire/message.ts";

/** A message with the bytes that it came in. */
export interface RawMessage {
  readonly line: Buffer;
  readonly message: Message;
  /** The client's request that a message to the client belongs to, where the message itself does not say so. */
  readonly about?: IdKey;
}

/** What a child that has ended said on stderr. */
export interface LastWords {
  readonly stderr: string;
  /** Of one that never answered anything: the line that says why. */
  readonly reason?: string | undefined;
}

/** Why a link ended by itself. */
export type LinkEnd =
  | ({ readonly kind: "exited"; readonly exit: ProcessExit } & LastWords)
  | ({ readonly kind: "closed"; readonly stream: "stdin" | "stdout" } & LastWords)
  | { readonly kind: "line-too-long"; readonly maxLineBytes: number }
  /** The client of a shared child takes nothing any more. */
  | { readonly kind: "stalled" }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly message: string;
      readonly data: Readonly<Record<string, unknown>>;
    };

/** A request that the child owes an answer, under the id that the child knows. */
export interface OwedRequest {
  readonly id: IdKey;
  /** That id's JSON text. */
  readonly rawId: string;
  /** The same as long as it is the same request: ids are used again. */
  readonly identity: object;
}

export interface LinkEvents {
  /** Given messages for the client, in order. While its promise is pending, the client is slow. */
  readonly onMessages: (messages: readonly RawMessage[]) => Promise<void> | undefined;
  /** The requests that are unanswered: an answer that cannot be read may be for one of them. By default none are. */
  readonly owed?: () => Iterable<OwedRequest>;
  /** Called once, when the link has ended by itself. */
  readonly onEnd: (end: LinkEnd) => void;
}

/** How a session's messages reach a child. */
export interface Link {
  /** The child's process, if the link has one of its own. */
  readonly pid: number | undefined;
  /** Passes a message of the client on. "full": the child does not read; "closed": it takes no input any more. */
  readonly send: (message: RawMessage) => "ok" | "full" | "closed";
  /** Lines of the child that were no messages, so far. */
  readonly dropped: () => number;
  /** What a child of the link's own has said that has not answered yet, for whoever waits for its start. */
  readonly startWords?: () => StartWords;
  /** Lets go of the child; resolves when nothing is left of what the link had for itself. */
  readonly stop: () => Promise<void>;
}

/** Begins to pass messages; called once. */
export type ConnectLink = (events: LinkEvents) => Link;
