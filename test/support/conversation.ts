import { within } from "./eventually.ts";
import type { TestProxy } from "./proxy.ts";
import type { Message, SseSession } from "./sse-session.ts";
import { type Exchange, exchange } from "./streamable-exchange.ts";
import { ACCEPT_BOTH, initializeBody, openStreamable } from "./streamable-session.ts";

/** The transports that have sessions. What holds for a message must hold over each of them. */
export const TRANSPORTS = ["HTTP+SSE", "Streamable HTTP"] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** What became of a POST. */
export interface Posted {
  /** Taken, and passed on to the child. */
  readonly accepted: boolean;
  readonly status: number;
  readonly headers: Headers;
  /** The refusal's JSON-RPC error message. */
  readonly refusal: Message | undefined;
}

/** A session after its handshake, whatever carries it. */
export interface Conversation {
  /** Every message so far, on whichever stream, without the answer to the handshake. */
  readonly messages: () => readonly Message[];
  /** Their bytes, one by one. */
  readonly payloads: () => readonly Buffer[];
  /** The first message, come already or yet to come, that fits. */
  readonly message: (what: string, fits: (message: Message) => boolean) => Promise<Message>;
  /** Posts these very bytes. Over Streamable HTTP a request is answered when the child answers, or after a moment. */
  readonly post: (body: string | Uint8Array<ArrayBuffer>) => Promise<Posted>;
  /** Posts a request and returns its id without waiting. Ids count from 1. */
  readonly begin: (method: string, params?: object) => Promise<number>;
  /** Posts a request and waits for its answer. */
  readonly request: (method: string, params?: object) => Promise<Message>;
  /** Resolves when the session has ended, as far as its client can see. */
  readonly ended: Promise<void>;
  /** Ends the session as a client of this transport does. */
  readonly close: () => Promise<void>;
}

const HANDSHAKE = "initialize";

/** Opens a session and initialises it. */
export function converse(proxy: TestProxy, transport: TransportName, server: string): Promise<Conversation> {
  return transport === "HTTP+SSE" ? converseOverSse(proxy, server) : converseOverStreamable(proxy, server);
}

async function converseOverSse(proxy: TestProxy, server: string): Promise<Conversation> {
  const session: SseSession = await proxy.openSse(server);
  const post: Conversation["post"] = async (body) => {
    const answer = await session.post(body);
    const { status, headers } = answer;
    const accepted = status === 202;
    const refusal = accepted ? undefined : ((await answer.json()) as Message);
    return { accepted, status, headers, refusal };
  };
  await post(initializeBody("2025-06-18", {}, HANDSHAKE));
  await session.message("the answer to initialize", ({ id }) => id === HANDSHAKE);
  const isLater = ({ id }: Message): boolean => id !== HANDSHAKE;
  return {
    messages: () => session.messages().filter(isLater),
    payloads: () =>
      session.events
        .filter(({ type }) => type === "message")
        .map(({ data }) => data)
        .filter((_, index) => isLater(session.messages()[index] ?? {})),
    message: (what, fits) => session.message(what, (found) => isLater(found) && fits(found)),
    post,
    begin: session.begin,
    request: session.request,
    ended: session.ended,
    close: async () => session.close(),
  };
}

async function converseOverStreamable(proxy: TestProxy, server: string): Promise<Conversation> {
  const session = await openStreamable(proxy, server);
  const exchanges: Exchange[] = [];
  const looks = new Set<() => void>();
  const wake = (): void => {
    for (const look of [...looks]) look();
  };
  const send = async (init: RequestInit): Promise<Exchange> => {
    const sent = await exchange(session.url, init, wake);
    exchanges.push(sent);
    wake();
    return sent;
  };
  const fields = { ...session.headers, Accept: ACCEPT_BOTH, "Content-Type": "application/json" };
  const post: Conversation["post"] = async (body) => {
    const { status, response, messages } = await send({ method: "POST", headers: fields, body });
    const accepted = response.ok;
    return { accepted, status, headers: response.headers, refusal: accepted ? undefined : messages()[0] };
  };
  const standalone = await send({ headers: { ...session.headers, Accept: "text/event-stream" } });
  const carried = (): readonly Exchange[] => exchanges.filter(({ response }) => response.ok);
  const messages = (): readonly Message[] => carried().flatMap((each) => each.messages());

  const message: Conversation["message"] = async (what, fits) => {
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
  let lastId = 0;
  const begin: Conversation["begin"] = async (method, params) => {
    const id = ++lastId;
    // Not waited for: the answer's head comes with the answer.
    void post(JSON.stringify({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) }));
    return id;
  };
  return {
    messages,
    payloads: () => carried().flatMap((each) => each.payloads()),
    message,
    post,
    begin,
    request: async (method, params) => {
      const id = await begin(method, params);
      const isAnswer = (found: Message): boolean => found.id === id && found.method === undefined;
      return message(`the answer to ${method}`, isAnswer);
    },
    ended: standalone.ended,
    close: async () => void (await session.end()),
  };
}
