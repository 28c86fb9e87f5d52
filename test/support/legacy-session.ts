import type { TransportName } from "./conversation.ts";
import { within } from "./eventually.ts";
import type { TestProxy } from "./proxy.ts";
import type { Message } from "./sse-session.ts";
import { type Exchange, exchange } from "./streamable-exchange.ts";
import { ACCEPT_BOTH, initializeBody, openStreamable, type Revision } from "./streamable-session.ts";

export interface LegacySessionOptions {
  /** 2025-11-25 unless it says otherwise. */
  readonly revision?: Revision;
  /** What the client can be asked for; none unless it says otherwise. */
  readonly capabilities?: object;
  /** More headers for every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the client says when it is asked: members of the answer, or undefined for nothing. Left out: it never answers. */
  readonly answer?: (question: Message) => object | undefined;
}

/** A client of the legacy era in a session, past its handshake, over either transport. It has a stream for whatever comes unasked. */
export interface LegacySession {
  /** The result of `initialize`. */
  readonly hello: Readonly<Record<string, unknown>>;
  /** Every message so far, on whichever stream, without the answer to the handshake. */
  readonly messages: () => readonly Message[];
  /** Their bytes, one by one. */
  readonly payloads: () => readonly Buffer[];
  /** The first message, come already or yet to come, that fits. */
  readonly message: (what: string, fits: (message: Message) => boolean) => Promise<Message>;
  /** Posts these very bytes without waiting for what comes back; resolves with the status once there is one. */
  readonly post: (body: string) => Promise<number>;
  /** Posts a message of these members, and waits until it was taken if it is no request. */
  readonly send: (members: object) => Promise<void>;
  /** Posts a request without waiting. Ids count from 1 unless one is given. */
  readonly begin: (method: string, params?: object, id?: string | number) => string | number;
  /** The answer to a request, come already or yet to come. */
  readonly answerTo: (id: string | number) => Promise<Message>;
  readonly request: (method: string, params?: object) => Promise<Message>;
  /** Begins a call of a tool. */
  readonly beginTool: (name: string, args?: object, meta?: object) => string | number;
  /** Calls a tool; the text of its result. Rejects when the answer is an error. */
  readonly tool: (name: string, args?: object) => Promise<string>;
  /** Resolves when the session has ended, as far as its client can see. */
  readonly ended: Promise<void>;
  /** Ends the session as a client of this transport does. */
  readonly close: () => Promise<void>;
}

const HANDSHAKE = "initialize";

/** Opens a session and initialises it. Rejects when the server refuses. */
export async function openLegacy(
  proxy: TestProxy,
  transport: TransportName,
  server: string,
  options: LegacySessionOptions = {},
): Promise<LegacySession> {
  const looks = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...looks]) look();
  };
  const carrier =
    transport === "HTTP+SSE"
      ? await overSse(proxy, server, options, wake)
      : await overStreamable(proxy, server, options, wake);
  const { messages, post } = carrier;

  const message: LegacySession["message"] = async (what, fits) => {
    const { promise, resolve } = Promise.withResolvers<Message>();
    const look = (): void => {
      const found = messages().find(fits);
      if (found !== undefined) resolve(found);
    };
    looks.add(look);
    look();
    try {
      return await within(what, promise);
    } finally {
      looks.delete(look);
    }
  };
  const send: LegacySession["send"] = async (members) => {
    const status = await post(JSON.stringify({ jsonrpc: "2.0", ...members }));
    if (status !== 202) throw new Error(`${JSON.stringify(members)} was answered ${status}`);
  };

  // Several streams, so that a later question may stand before an earlier one.
  const answered = new Set<unknown>();
  looks.add(() => {
    for (const question of messages()) {
      const { id, method } = question;
      if (id === undefined || method === undefined || answered.has(id)) continue;
      answered.add(id);
      const said = options.answer?.(question);
      if (said !== undefined) void post(JSON.stringify({ jsonrpc: "2.0", id, ...said }));
    }
  });

  let lastId = 0;
  const begin: LegacySession["begin"] = (method, params, id = ++lastId) => {
    void post(JSON.stringify({ jsonrpc: "2.0", id, method, ...(params && { params }) }));
    return id;
  };
  const answerTo: LegacySession["answerTo"] = (id) =>
    message(`the answer to ${id}`, (found) => found.id === id && found.method === undefined);
  const beginTool: LegacySession["beginTool"] = (name, args = {}, meta) =>
    begin("tools/call", { name, arguments: args, ...(meta && { _meta: meta }) });

  return {
    hello: carrier.hello,
    messages,
    payloads: carrier.payloads,
    message,
    post,
    send,
    begin,
    answerTo,
    request: (method, params) => answerTo(begin(method, params)),
    beginTool,
    tool: async (name, args) => textOf(await answerTo(beginTool(name, args))),
    ended: carrier.ended,
    close: carrier.close,
  };
}

/** The text of a tool's result. Throws when the answer is an error. */
export function textOf({ result, error }: Message): string {
  if (error !== undefined) throw new Error(`${error.code}: ${error.message}`);
  const [first] = (result?.["content"] ?? []) as readonly { readonly text?: string }[];
  return first?.text ?? "";
}

type Carrier = Pick<LegacySession, "hello" | "messages" | "payloads" | "post" | "ended" | "close">;

async function overSse(
  proxy: TestProxy,
  server: string,
  { revision = "2025-11-25", capabilities, headers = {} }: LegacySessionOptions,
  wake: () => void,
): Promise<Carrier> {
  const url = `${proxy.url}/${encodeURIComponent(server)}/sse`;
  const authorized = { Authorization: `Bearer ${proxy.secret}`, ...headers };
  const first = Promise.withResolvers<void>();
  const onChange = (): void => {
    first.resolve();
    wake();
  };
  const stream = await exchange(url, { headers: { Accept: "text/event-stream", ...authorized } }, onChange);
  if (stream.status !== 200) throw new Error(`GET ${url} answered ${stream.status}`);
  await within("the endpoint event", first.promise);
  const endpoint = new URL(String(stream.events[0]?.data), url);
  const post = async (body: string): Promise<number> => {
    const fields = { "Content-Type": "application/json", ...authorized };
    return (await exchange(endpoint.href, { method: "POST", headers: fields, body })).status;
  };
  await post(initializeBody(revision, capabilities, HANDSHAKE));
  const opening = await stream.answer();
  if (opening.result === undefined) throw new Error(`initialize: ${JSON.stringify(opening.error)}`);
  await post('{"jsonrpc":"2.0","method":"notifications/initialized"}');
  return {
    hello: opening.result,
    messages: () => stream.messages().filter((message) => message !== opening),
    payloads: () => stream.payloads().filter((_, index) => stream.messages()[index] !== opening),
    post,
    ended: stream.ended,
    close: async () => stream.cut(),
  };
}

async function overStreamable(
  proxy: TestProxy,
  server: string,
  { revision = "2025-11-25", capabilities = {}, headers = {} }: LegacySessionOptions,
  wake: () => void,
): Promise<Carrier> {
  const session = await openStreamable(proxy, server, { revision, capabilities, headers });
  const exchanges: Exchange[] = [];
  const send = async (init: RequestInit): Promise<Exchange> => {
    const sent = await exchange(session.url, init, wake);
    exchanges.push(sent);
    wake();
    return sent;
  };
  const fields = { ...session.headers, Accept: ACCEPT_BOTH, "Content-Type": "application/json" };
  const standalone = await send({ headers: { ...session.headers, Accept: "text/event-stream" } });
  return {
    hello: (await session.opening.answer()).result ?? {},
    messages: () => exchanges.flatMap((each) => each.messages()),
    payloads: () => exchanges.flatMap((each) => each.payloads()),
    post: async (body) => (await send({ method: "POST", headers: fields, body })).status,
    ended: standalone.ended,
    close: async () => void (await session.end()),
  };
}
