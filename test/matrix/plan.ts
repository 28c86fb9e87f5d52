import type { ServerEntry } from "../support/server-entry.ts";

/** A call of a tool. */
export interface ToolCall {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A call, and a text that its answer holds. */
export interface Answered extends ToolCall {
  readonly answer: string;
}

/** How the features of one server are tried. What the table says that the server lacks is left out. */
export interface Plan {
  readonly entry: ServerEntry;
  /** All tools that it has for a client that can be asked anything. */
  readonly tools: readonly string[];
  /** What it answers so once it is ready, if it takes its time after the handshake: to hear of its client's roots, for instance. */
  readonly ready?: Answered;
  readonly call: Answered;
  readonly progress?: Answered & { readonly steps: number };
  readonly logs?: ToolCall & { readonly text: RegExp };
  /** A call that would take for ever; `client` is unlike any other client's. */
  readonly cancel: (client: string) => ToolCall & {
    /** Values of the client's variables that the server needs for it. */
    readonly variables?: Readonly<Record<string, string>>;
  };
  /**
   * A text of what the server wants to be told whenever it likes. A client's call that is cancelled while the client is away to answer
   * that has no stream that the client could close.
   */
  readonly told?: string;
  readonly elicitation?: Answered;
  readonly sampling?: Answered;
  readonly roots?: Answered;
  readonly completion?: {
    readonly prompt: string;
    readonly argument: string;
    readonly begun: string;
    readonly values: readonly string[];
  };
  readonly prompts?: {
    readonly name: string;
    readonly args: Readonly<Record<string, string>>;
    readonly text: string;
  };
  readonly resources?: { readonly uri: string; readonly text: string };
  /** A resource, and what changes it. */
  readonly updates?: ToolCall & { readonly uri: string };
  /** What is to be called before the many calls. */
  readonly beforeMany?: ToolCall;
  /** One of the calls that are made at once: each has an answer of its own. */
  readonly many: (index: number) => Answered;
  readonly large: ToolCall;
}
