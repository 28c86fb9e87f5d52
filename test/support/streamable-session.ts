import type { Message } from "./sse-session.ts";
import { type Exchange, exchange } from "./streamable-exchange.ts";

/** A revision of MCP that has Streamable HTTP with sessions. */
export type Revision = "2025-03-26" | "2025-06-18" | "2025-11-25";

/** Where a proxy is and what lets one in: a TestProxy, or one behind a relay. */
export interface ProxyAddress {
  readonly url: string;
  readonly secret: string;
}

export interface StreamableOptions {
  /** 2025-11-25 unless it says otherwise. */
  readonly revision?: Revision;
  /** The client's capabilities. */
  readonly capabilities?: object;
  /** More headers for every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client's Streamable HTTP session (MCP 2025-11-25, basic/transports): each message a POST, with its own answer. */
export interface StreamableSession {
  readonly url: string;
  readonly id: string;
  /** The answer to `initialize`. */
  readonly opening: Exchange;
  /** Headers of every request in the session. */
  readonly headers: Readonly<Record<string, string>>;
  /** Posts these very bytes; resolves with the answer's head. */
  readonly post: (
    body: string | Uint8Array<ArrayBuffer>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Exchange>;
  /** Posts a request. Ids count from 1 unless one is given. */
  readonly call: (method: string, params?: object, id?: string | number) => Promise<Exchange>;
  /** Posts a request and waits for its answer. */
  readonly request: (method: string, params?: object) => Promise<Message>;
  /** Posts a notification and checks that it is accepted. */
  readonly notify: (method: string, params?: object) => Promise<void>;
  /** Opens the standalone stream, or resumes a stream after the event with this id. */
  readonly listen: (lastEventId?: string, headers?: Readonly<Record<string, string>>) => Promise<Exchange>;
  /** Ends the session; resolves with the status. */
  readonly end: () => Promise<number>;
}

export const ACCEPT_BOTH = "application/json, text/event-stream";
const JSON_TYPE = "application/json";

/** URL of a server's MCP endpoint. */
export function endpointOf({ url }: ProxyAddress, server: string): string {
  return `${url}/${encodeURIComponent(server)}/mcp`;
}

/** The body of an `initialize` request. */
export function initializeBody(
  revision: string,
  capabilities: object = {},
  id: string | number = "initialize",
): string {
  const clientInfo = { name: "raw", version: "1.0.0" };
  const params = { protocolVersion: revision, capabilities, clientInfo };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "initialize", params });
}

/** A POST outside of any session, authorised; `headers` win, and an empty one takes a field away. */
export function postTo(
  proxy: ProxyAddress,
  server: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Exchange> {
  const all = { Authorization: `Bearer ${proxy.secret}`, Accept: ACCEPT_BOTH, "Content-Type": JSON_TYPE, ...headers };
  const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
  return exchange(endpointOf(proxy, server), { method: "POST", headers: sent, body });
}

/** Initialises a session and says so to the server. Rejects when the answer is not 200 with a session id. */
export async function openStreamable(
  proxy: ProxyAddress,
  server: string,
  { revision = "2025-11-25", capabilities = {}, headers: more = {} }: StreamableOptions = {},
): Promise<StreamableSession> {
  const url = endpointOf(proxy, server);
  const opening = await postTo(proxy, server, initializeBody(revision, capabilities), { ...more });
  const id = opening.response.headers.get("mcp-session-id");
  if (opening.status !== 200 || id === null) {
    throw new Error(`initialize answered ${opening.status}: ${JSON.stringify(opening.messages())}`);
  }
  await opening.answer();
  const headers = {
    Authorization: `Bearer ${proxy.secret}`,
    "Mcp-Session-Id": id,
    // The field is new in 2025-06-18.
    ...(revision === "2025-03-26" ? {} : { "MCP-Protocol-Version": revision }),
    ...more,
  };

  const post: StreamableSession["post"] = (body, fields) =>
    exchange(url, {
      method: "POST",
      headers: { Accept: ACCEPT_BOTH, "Content-Type": JSON_TYPE, ...headers, ...fields },
      body,
    });
  const message = (method: string, params: object | undefined, id?: string | number): string =>
    JSON.stringify({ jsonrpc: "2.0", ...(id === undefined ? {} : { id }), method, ...(params && { params }) });
  let lastId = 0;
  const call: StreamableSession["call"] = (method, params, given) => post(message(method, params, given ?? ++lastId));
  const notify: StreamableSession["notify"] = async (method, params) => {
    const { status } = await post(message(method, params));
    if (status !== 202) throw new Error(`${method} answered ${status}`);
  };
  await notify("notifications/initialized");

  return {
    url,
    id,
    opening,
    headers,
    post,
    call,
    request: async (method, params) => (await call(method, params)).answer(),
    notify,
    listen: (lastEventId, fields) =>
      exchange(url, {
        headers: {
          Accept: "text/event-stream",
          ...headers,
          ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
          ...fields,
        },
      }),
    end: async () => (await fetch(url, { method: "DELETE", headers })).status,
  };
}
