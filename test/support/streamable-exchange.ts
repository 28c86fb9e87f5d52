import { createEventStreamReader, type StreamEvent } from "./event-stream.ts";
import { within } from "./eventually.ts";
import type { Message } from "./sse-session.ts";

/** One HTTP request to an MCP endpoint and all that comes back on it, with nothing between the test and the bytes. */
export interface Exchange {
  readonly response: Response;
  readonly status: number;
  /** How the body came: as an event stream, as one JSON text, or not at all. */
  readonly form: "stream" | "json" | "empty";
  /** Every event so far, those with empty data too. */
  readonly events: readonly StreamEvent[];
  /** Every message so far; the members of a batch one by one. */
  readonly messages: () => readonly Message[];
  /** The bytes of the messages: of each event's data, or of the one JSON text. */
  readonly payloads: () => readonly Buffer[];
  /** The first message, come already or yet to come, that fits. */
  readonly message: (what: string, fits: (message: Message) => boolean) => Promise<Message>;
  /** The first answer. */
  readonly answer: () => Promise<Message>;
  readonly comments: () => number;
  /** What a client would send as Last-Event-ID now. */
  readonly lastEventId: () => string | undefined;
  readonly retryMs: () => number | undefined;
  /** Resolves when the body ends, from whichever side. */
  readonly ended: Promise<void>;
  readonly isEnded: () => boolean;
  /** Drops the connection. */
  readonly cut: () => void;
}

/** Sends a request and resolves with its answer's head; the body is read as it comes. `onChange` is called after each piece. */
export async function exchange(url: string, init: RequestInit, onChange: () => void = () => {}): Promise<Exchange> {
  const abort = new AbortController();
  const response = await fetch(url, { ...init, signal: abort.signal });
  const reader = createEventStreamReader();
  const events: StreamEvent[] = [];
  const payloads: Buffer[] = [];
  const messages: Message[] = [];
  const looks = new Set<() => void>([onChange]);
  let open = true;

  const take = (data: Buffer): void => {
    const parsed: unknown = JSON.parse(data.toString());
    payloads.push(data);
    messages.push(...((Array.isArray(parsed) ? parsed : [parsed]) as readonly Message[]));
  };
  const wake = (): void => {
    for (const look of [...looks]) look();
  };
  const takeChunk = (chunk: Uint8Array): void => {
    for (const event of reader.push(chunk)) {
      events.push(event);
      if (event.type === "message" && event.data.length > 0) take(event.data);
    }
    wake();
  };
  const isStream = (response.headers.get("content-type") ?? "").startsWith("text/event-stream");
  const whole: Uint8Array[] = [];
  const ended = readAll(response.body, isStream ? takeChunk : (chunk) => void whole.push(chunk)).finally(() => {
    const text = Buffer.concat(whole);
    if ((response.headers.get("content-type") ?? "").startsWith("application/json") && text.length > 0) take(text);
    open = false;
    wake();
  });

  const message: Exchange["message"] = async (what, fits) => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const look = (): void => {
      const found = messages.find(fits);
      if (found !== undefined) resolve(found);
      else if (!open) reject(new Error(`${response.status} ended before ${what}: ${JSON.stringify(messages)}`));
    };
    looks.add(look);
    look();
    try {
      return await within(what, promise);
    } finally {
      looks.delete(look);
    }
  };
  // A JSON text is all there is, so it is here when the exchange is: nobody has to wait for it.
  if (!isStream) await ended;

  return {
    response,
    status: response.status,
    form: isStream ? "stream" : whole.length > 0 ? "json" : "empty",
    events,
    messages: () => messages,
    payloads: () => payloads,
    message,
    answer: () => message("the answer", ({ method }) => method === undefined),
    comments: reader.comments,
    lastEventId: reader.lastEventId,
    retryMs: reader.retryMs,
    ended,
    isEnded: () => !open,
    cut: () => abort.abort(),
  };
}

/** Ends quietly when the connection is dropped: that is what these tests do all day. */
async function readAll(body: ReadableStream<Uint8Array> | null, take: (chunk: Uint8Array) => void): Promise<void> {
  const reader = body?.getReader();
  for (;;) {
    const next = await reader?.read().catch(() => undefined);
    if (next === undefined || next.done || next.value === undefined) return;
    take(next.value);
  }
}
