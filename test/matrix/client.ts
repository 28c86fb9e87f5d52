import type { Era } from "./table.ts";

type Arguments = Readonly<Record<string, unknown>>;

/** A message that a client got, as its transport handed it over. */
export interface Received {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface HowToCall {
  readonly onProgress?: (progress: number) => void;
  readonly signal?: AbortSignal;
  /** Asks for log messages of every level. */
  readonly isLogged?: boolean;
}

/** A subscription to one resource. */
export interface Subscription {
  readonly end: () => Promise<void>;
}

/** An official client that is connected, whichever it is and whatever carries its messages. */
export interface MatrixClient {
  /** The era that the connection turned out to be of. */
  readonly era: Era | undefined;
  /** Of the server. */
  readonly capabilities: () => Readonly<Record<string, unknown>>;
  readonly toolNames: () => Promise<readonly string[]>;
  /** The text of the tool's answer. Rejects when the tool failed. */
  readonly call: (name: string, args: Arguments, how?: HowToCall) => Promise<string>;
  /** Values for a prompt's argument that begins so. */
  readonly complete: (prompt: string, argument: string, begun: string) => Promise<readonly string[]>;
  readonly promptNames: () => Promise<readonly string[]>;
  readonly prompt: (name: string, args: Readonly<Record<string, string>>) => Promise<string>;
  readonly resourceUris: () => Promise<readonly string[]>;
  readonly read: (uri: string) => Promise<string>;
  readonly subscribe: (uri: string) => Promise<Subscription>;
  /** Everything that came over the transport so far, in order. */
  readonly received: readonly Received[];
  /** Texts of the log messages so far. */
  readonly logged: readonly string[];
  /** URIs of the resources that were reported as updated so far. */
  readonly updated: readonly string[];
  /** Methods of the server's questions so far. */
  readonly asked: readonly string[];
  readonly close: () => Promise<void>;
}

/** How to reach one server through the proxy, and what a client shows of itself. */
export interface Route {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The directory that the client works in, as a URI; undefined: a client that can be asked for nothing. */
  readonly root: string | undefined;
}

/** What a client declares that can be asked. */
export const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
export const INFO = { name: "matrix", version: "1.0.0" };
/** What the user and the model say when a server asks. */
export const ANSWERS = { user: "Ada", model: "lovelace" } as const;

/** What the client has seen and been asked, with the answers to give. */
export interface Notebook {
  readonly received: Received[];
  readonly logged: string[];
  readonly updated: string[];
  readonly asked: string[];
  readonly elicit: () => { action: "accept"; content: { name: string } };
  readonly sample: () => { model: string; role: "assistant"; content: { type: "text"; text: string } };
  readonly roots: () => { roots: { uri: string; name: string }[] };
}

export function createNotebook(root = ""): Notebook {
  const asked: string[] = [];
  return {
    received: [],
    logged: [],
    updated: [],
    asked,
    elicit: () => {
      asked.push("elicitation");
      return { action: "accept", content: { name: ANSWERS.user } };
    },
    sample: () => {
      asked.push("sampling");
      return { model: "test", role: "assistant", content: { type: "text", text: ANSWERS.model } };
    },
    roots: () => {
      asked.push("roots");
      return { roots: [{ uri: root, name: "root" }] };
    },
  };
}

/** What of the two SDKs' clients is alike. */
interface AnyClient {
  readonly getServerCapabilities: () => object | undefined;
  readonly listTools: () => Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  readonly listPrompts: () => Promise<{ readonly prompts: readonly { readonly name: string }[] }>;
  readonly listResources: () => Promise<{ readonly resources: readonly { readonly uri: string }[] }>;
  readonly getPrompt: (params: { name: string; arguments: Record<string, string> }) => Promise<{
    readonly messages: readonly { readonly content: object }[];
  }>;
  readonly readResource: (params: { uri: string }) => Promise<{ readonly contents: readonly object[] }>;
  readonly complete: (params: {
    ref: { type: "ref/prompt"; name: string };
    argument: { name: string; value: string };
  }) => Promise<{ readonly completion: { readonly values: readonly string[] } }>;
}

/** What is done in the same way with the clients of both SDKs. */
export function commonParts(
  client: AnyClient,
  notebook: Notebook,
): Omit<MatrixClient, "era" | "call" | "subscribe" | "close"> {
  return {
    capabilities: () => ({ ...client.getServerCapabilities() }),
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    complete: async (prompt, argument, begun) => {
      const ref = { type: "ref/prompt" as const, name: prompt };
      return (await client.complete({ ref, argument: { name: argument, value: begun } })).completion.values;
    },
    promptNames: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    prompt: async (name, args) => {
      const { messages } = await client.getPrompt({ name, arguments: { ...args } });
      return messages.map(({ content }) => textIn(content)).join("\n");
    },
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => (await client.readResource({ uri })).contents.map(textIn).join("\n"),
    received: notebook.received,
    logged: notebook.logged,
    updated: notebook.updated,
    asked: notebook.asked,
  };
}

/** Writes down all that comes over a transport, before the client sees it: some clients forget a handler at the answer. */
export function listenIn(
  transport: { onmessage?: ((message: never, extra?: never) => void) | undefined },
  notebook: Notebook,
): void {
  const pass = transport.onmessage;
  transport.onmessage = (message, extra) => {
    notebook.received.push(message);
    pass?.(message, extra);
  };
}

/** The text of a tool's answer. @throws when the tool says that it failed. */
export function textOf(result: unknown): string {
  const { content, isError } = result as { readonly content?: readonly object[]; readonly isError?: boolean };
  const text = (content ?? []).map(textIn).join("\n");
  if (isError === true) throw new Error(`the tool failed: ${text}`);
  return text;
}

function textIn(content: object): string {
  return "text" in content ? String(content.text) : "";
}
