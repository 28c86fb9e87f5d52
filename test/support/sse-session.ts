import { createEventStreamReader, type StreamEvent } from "./event-stream.ts";
import { within } from "./eventually.ts";

/** A JSON-RPC message as the tests look at it. */
export interface Message {
  readonly jsonrpc?: string;
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: RpcError;
}

/** The error object of a JSON-RPC answer; `data.code` is the proxy's own code. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** A client's HTTP+SSE session, with nothing between the test and the bytes. */
export interface SseSession {
  readonly response: Response;
  /** The reference in the endpoint event, as it came. */
  readonly reference: string;
  /** Where messages go: the reference, resolved as a client resolves it. */
  readonly endpoint: URL;
  readonly sessionId: string;
  /** Every event so far, the endpoint event first. */
  readonly events: readonly StreamEvent[];
  /** Every message so far. */
  readonly messages: () => readonly Message[];
  readonly comments: () => number;
  /** The first message, come already or yet to come, that fits. */
  readonly message: (what: string, fits: (message: Message) => boolean) => Promise<Message>;
  /** Posts these very bytes. */
  readonly post: (
    body: string | Uint8Array<ArrayBuffer>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
  /** Posts a request, checks that it is accepted, and waits for its answer on the stream. */
  readonly request: (method: string, params?: object) => Promise<Message>;
  /** Posts a request, checks that it is accepted, and returns its id without waiting. */
  readonly begin: (method: string, params?: object) => Promise<number>;
  /** Calls a tool of the echo fixture and returns what it saw. */
  readonly look: (tool: string, args?: object) => Promise<unknown>;
  /** Resolves when the stream ends, from whichever side. */
  readonly ended: Promise<void>;
  /** Drops the connection. */
  readonly close: () => void;
}

/** Opens an event stream and waits for its endpoint event. Rejects when the answer is not 200. */
export async function openSse(url: string, headers: Readonly<Record<string, string>>): Promise<SseSession> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { Accept: "text/event-stream", ...headers }, signal: abort.signal });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  }
  const reader = createEventStreamReader();
  const events: StreamEvent[] = [];
  const messages: Message[] = [];
  const looks = new Set<() => void>();
  let open = true;

  const ended = readAll(response.body, (chunk) => {
    for (const event of reader.push(chunk)) {
      events.push(event);
      if (event.type === "message") messages.push(JSON.parse(event.data.toString()) as Message);
    }
    for (const look of [...looks]) look();
  }).finally(() => {
    open = false;
    for (const look of [...looks]) look();
  });

  const until = async <T>(what: string, find: () => T | undefined): Promise<T> => {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found !== undefined) resolve(found);
      else if (!open) reject(new Error(`the stream ended before ${what}`));
    };
    looks.add(look);
    look();
    try {
      return await within(what, promise);
    } finally {
      looks.delete(look);
    }
  };

  const first = await until("the endpoint event", () => events[0]);
  if (first.type !== "endpoint") throw new Error(`the first event is ${first.type}`);
  const reference = first.data.toString();
  const endpoint = new URL(reference, url);
  const message: SseSession["message"] = (what, fits) => until(what, () => messages.find(fits));
  const post: SseSession["post"] = (body, more) =>
    fetch(endpoint, { method: "POST", headers: { "Content-Type": "application/json", ...headers, ...more }, body });

  let lastId = 0;
  const begin: SseSession["begin"] = async (method, params) => {
    const id = ++lastId;
    const answer = await post(
      JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) }),
    );
    if (answer.status !== 202) throw new Error(`${method} answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    return id;
  };
  const request: SseSession["request"] = async (method, params) => {
    const id = await begin(method, params);
    return message(`the answer to ${method}`, (candidate) => candidate.id === id && candidate.method === undefined);
  };
  const look: SseSession["look"] = async (tool, args = {}) => {
    const { result, error } = await request("tools/call", { name: tool, arguments: args });
    if (error !== undefined) throw new Error(`${tool}: ${error.message}`);
    const content = (result?.["content"] ?? []) as readonly { readonly text: string }[];
    return JSON.parse(content[0]?.text ?? "null");
  };

  return {
    response,
    reference,
    endpoint,
    sessionId: endpoint.searchParams.get("sessionId") ?? "",
    events,
    messages: () => messages,
    comments: reader.comments,
    message,
    post,
    request,
    begin,
    look,
    ended,
    close: () => abort.abort(),
  };
}

/** Ends quietly when the connection is dropped: that is what these tests do all day. */
async function readAll(body: ReadableStream<Uint8Array>, take: (chunk: Uint8Array) => void): Promise<void> {
  const reader = body.getReader();
  for (;;) {
    const next = await reader.read().catch(() => ({ done: true, value: undefined }) as const);
    if (next.done) return;
    take(next.value);
  }
}
