import type { Revision } from "./suite.ts";

/** What stands between the suite, which sends no credentials, and the proxy, which takes nothing without them. */
export interface Forwarder extends AsyncDisposable {
  /** Base URL; a path after it is a path of the proxy. */
  readonly url: string;
}

export interface ForwarderOptions {
  /** Base URL of the proxy. */
  readonly target: string;
  /** Sent as a bearer token with every request. */
  readonly secret: string;
  /** The answer in which this text passes ends right after it, as if the connection had been lost. Left out: none does. */
  readonly endAfter?: string;
  /** The revision that every `initialize` is made to ask for. Left out: the client's own choice. */
  readonly revision?: Revision;
}

/** Fields about one hop (RFC 9110, section 7.6.1): the next hop has its own. */
const HOP_BY_HOP: readonly string[] = ["connection", "keep-alive", "transfer-encoding"];

/** In the messages of `initialize` alone, as the suite writes them. */
const ASKED_REVISION = /"protocolVersion":"[^"]*"/;

/**
 * Starts a forwarder on a free port of 127.0.0.1. It adds the Authorization header and, unless told to, changes nothing else: Host
 * and Origin reach the proxy as the suite sent them, since the proxy is to judge them. Both bodies are streamed, and a client that
 * leaves leaves the proxy, too.
 */
export function startForwarder({ target, secret, endAfter, revision }: ForwarderOptions): Forwarder {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    // An event stream may be quiet for longer than any time limit.
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url);
      const headers = withoutHop(request.headers);
      headers.set("Authorization", `Bearer ${secret}`);
      const answer = await fetch(`${target}${pathname}${search}`, {
        method: request.method,
        headers,
        body: revision === undefined ? request.body : await asking(request, revision),
        signal: request.signal,
        redirect: "manual",
        decompress: false,
      });
      const body = answer.body === null || endAfter === undefined ? answer.body : until(answer.body, endAfter);
      return new Response(body, { status: answer.status, headers: withoutHop(answer.headers) });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** The body with the revision put in, or null where there is none. */
async function asking(request: Request, revision: Revision): Promise<string | null> {
  if (request.body === null) return null;
  return (await request.text()).replace(ASKED_REVISION, `"protocolVersion":"${revision}"`);
}

function withoutHop(headers: Headers): Headers {
  const kept = new Headers(headers);
  for (const name of HOP_BY_HOP) kept.delete(name);
  return kept;
}

/** The stream up to the chunk in which the text ends; leaving the loop cancels what is behind. */
async function* until(body: ReadableStream<Uint8Array>, text: string): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  let seen = "";
  for await (const chunk of body) {
    yield chunk;
    seen = (seen + decoder.decode(chunk, { stream: true })).slice(-65_536);
    if (seen.includes(text)) return;
  }
}
