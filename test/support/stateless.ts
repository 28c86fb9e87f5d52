import { createEventStreamReader } from "./event-stream.ts";
import { within } from "./eventually.ts";
import type { Message } from "./sse-session.ts";
import { ACCEPT_BOTH, endpointOf, type ProxyAddress } from "./streamable-session.ts";

/** The revision that has no sessions: each request says all about itself. */
export const STATELESS_REVISION = "2026-07-28";

export interface StatelessCall {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** What the client can do; nothing unless it says otherwise. */
  readonly capabilities?: Readonly<Record<string, unknown>>;
  /** More members of `_meta`, or others: undefined takes one away. The version header follows the version in here. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /** More headers, or others: null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** A new one unless it is given. */
  readonly id?: string | number;
  /** Drops the connection, which is how a client cancels a request (2026-07-28, streamable-http, "Cancellation"). */
  readonly signal?: AbortSignal;
}

export interface StatelessAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** All JSON-RPC messages in order, of the JSON body or of the event stream. */
  readonly messages: readonly Message[];
  /** The response message. Throws when there was none. */
  readonly answer: Message;
}

/** A call under way. */
export interface StatelessStream extends AsyncDisposable {
  /** The answer's head. It need not come before the first message does. */
  readonly response: Promise<Response>;
  /** The next message. Rejects when the answer ends first, or after `WAIT_MS`. */
  readonly next: () => Promise<Message>;
  /** Every message so far. */
  readonly messages: () => readonly Message[];
  readonly comments: () => number;
  /** Resolves when the answer is complete; rejects when the connection breaks or is dropped before. */
  readonly ended: Promise<void>;
  /** Drops the connection, and waits until it is gone. */
  readonly close: () => Promise<void>;
}

/** Calls and waits for the end of the answer, whatever its status. Rejects when the connection breaks or is dropped, or after `WAIT_MS`. */
export async function callStateless(
  proxy: ProxyAddress,
  server: string,
  call: StatelessCall,
): Promise<StatelessAnswer> {
  await using stream = openStateless(proxy, server, call);
  await within(`the end of ${call.method}`, stream.ended);
  const { status, headers } = await stream.response;
  const messages = stream.messages();
  return {
    status,
    headers,
    messages,
    get answer() {
      const found = messages.find(({ method }) => method === undefined);
      if (found === undefined) throw new Error(`${call.method} got ${status}, no answer: ${JSON.stringify(messages)}`);
      return found;
    },
  };
}

/** Calls and gives the messages one by one, as for subscriptions/listen or progress. */
export function openStateless(proxy: ProxyAddress, server: string, call: StatelessCall): StatelessStream {
  const abort = new AbortController();
  const signal = call.signal === undefined ? abort.signal : AbortSignal.any([abort.signal, call.signal]);
  const reader = createEventStreamReader();
  const messages: Message[] = [];
  let taken = 0;
  let wake = Promise.withResolvers<void>();

  const take = (data: Uint8Array): void => {
    messages.push(JSON.parse(Buffer.from(data).toString()) as Message);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const readAll = async ({ headers, body }: Response): Promise<void> => {
    const type = headers.get("content-type") ?? "";
    const whole: Uint8Array[] = [];
    for await (const chunk of body ?? []) {
      if (!type.startsWith("text/event-stream")) whole.push(chunk);
      else for (const { data } of reader.push(chunk)) if (data.length > 0) take(data);
    }
    if (type.startsWith("application/json") && whole.length > 0) take(Buffer.concat(whole));
  };
  const response = fetch(endpointOf(proxy, server), { ...requestOf(proxy.secret, call), signal });
  const ended = response.then(readAll);
  // Whoever looks only at the messages must not be bothered by a connection that they dropped themselves.
  ended.catch(() => {});

  const next = async (): Promise<Message> => {
    for (;;) {
      const message = messages[taken];
      if (message !== undefined) {
        taken++;
        return message;
      }
      const change = Promise.race([wake.promise.then(() => true), ended.then(() => false)]);
      const more = await within(`a message of ${call.method}`, change);
      if (!more && messages.length === taken) throw new Error(`${call.method} ended: ${JSON.stringify(messages)}`);
    }
  };
  const close = async (): Promise<void> => {
    abort.abort();
    await ended.catch(() => {});
  };
  return {
    response,
    next,
    messages: () => messages,
    comments: reader.comments,
    ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A header's value as it is, or in the Base64 form where it could not stand so (2026-07-28, streamable-http, "Value Encoding"). */
export function headerValue(value: string): string {
  const isPlain = /^[\x20-\x7e\t]*$/.test(value) && value.trim() === value && !/^=\?base64\?.*\?=$/.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value).toString("base64")}?=`;
}

function requestOf(secret: string, call: StatelessCall): RequestInit {
  const { method, params = {}, id = crypto.randomUUID() } = call;
  const _meta: Readonly<Record<string, unknown>> = {
    "io.modelcontextprotocol/protocolVersion": STATELESS_REVISION,
    "io.modelcontextprotocol/clientInfo": { name: "stateless", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": call.capabilities ?? {},
    ...call.meta,
  };
  const headers = new Headers({
    Authorization: `Bearer ${secret}`,
    Accept: ACCEPT_BOTH,
    "Content-Type": "application/json",
    "MCP-Protocol-Version": String(_meta["io.modelcontextprotocol/protocolVersion"] ?? STATELESS_REVISION),
    "Mcp-Method": method,
  });
  const name = nameOf(method, params);
  if (typeof name === "string") headers.set("Mcp-Name", headerValue(name));
  for (const [field, value] of Object.entries(call.headers ?? {})) {
    if (value === null) headers.delete(field);
    else headers.set(field, value);
  }
  const body = JSON.stringify({ jsonrpc: "2.0", id, method, params: { ...params, _meta } });
  return { method: "POST", headers, body };
}

/** What Mcp-Name mirrors, in the methods that have it (2026-07-28, streamable-http, "Standard Request Headers"). */
function nameOf(method: string, params: Readonly<Record<string, unknown>>): unknown {
  if (method === "resources/read") return params["uri"];
  return method === "tools/call" || method === "prompts/get" ? params["name"] : undefined;
}
