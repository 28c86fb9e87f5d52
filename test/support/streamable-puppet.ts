import type { Message } from "./sse-session.ts";
import type { Exchange } from "./streamable-exchange.ts";
import type { StreamableSession } from "./streamable-session.ts";

/**
 * Posts a request that the puppet fixture leaves unanswered, and waits until the child has it. Its stream then holds one report of
 * progress, and its progress token is its id.
 */
export async function hold(session: StreamableSession, id: string | number): Promise<Exchange> {
  const held = await session.call("hold", { _meta: { progressToken: id } }, id);
  await held.message("the report that it is held", ({ method }) => method === "notifications/progress");
  return held;
}

/** Makes the puppet fixture write these messages, in this order. */
export function say(session: StreamableSession, ...messages: readonly object[]): Promise<void> {
  return session.notify("notifications/say", { messages });
}

/** A log message with this text. */
export function logMessage(data: string): object {
  return { method: "notifications/message", params: { level: "info", data } };
}

/** The answer to a request that is held. */
export function answerTo(id: string | number, text = "done"): object {
  return { id, result: { text } };
}

/** What the stream has carried since the report that the request is held, in short: texts of log messages, methods, or answered ids. */
export function heard(exchange: Exchange): readonly unknown[] {
  return exchange
    .messages()
    .filter(({ params }) => params?.["progress"] !== 0)
    .map(({ id, method, params }) => params?.["data"] ?? params?.["progress"] ?? method ?? `answer ${id}`);
}

/** Makes the puppet fixture write this text as it is, in UTF-8: line ends, and what is no message, included. */
export function write(session: StreamableSession, text: string): Promise<void> {
  return session.notify("notifications/write", { bytes: Buffer.from(text).toString("base64") });
}

/** Makes the puppet fixture write so many log messages of so many bytes each: more than could be posted to it. */
export function fill(session: StreamableSession, count: number, bytes: number): Promise<void> {
  return session.notify("notifications/fill", { count, bytes });
}

/** What the puppet fixture has received so far, in order, without the questions of this function. */
export async function receivedBy(session: StreamableSession): Promise<readonly Message[]> {
  const { result, error } = await session.request("received");
  if (error !== undefined) throw new Error(error.message);
  const received = (result?.["received"] ?? []) as readonly Message[];
  return received.filter(({ method }) => method !== "received");
}
