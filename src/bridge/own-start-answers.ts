import { replyOf } from "../link/handshake.ts";
import type { LinkEnd, RawMessage } from "../link/link.ts";
import { judgeDiscover, judgeInitialize } from "../link/reply.ts";
import { type IdKey, twinOf } from "../wire/message.ts";
import type { Opening } from "./opening.ts";
import { DISCOVER_ID, type OwnState, type Refusal } from "./own-start-state.ts";
import { becomeModern, discover, handOver, initialise, settleRefusal, underId } from "./own-start-steps.ts";

/** The id of the proxy's own ping; no client counts like that. */
export const PING_ID = '"mcp-sse-proxy ping"';

/** Takes a message of a child that has not been handed over. */
export function take(own: OwnState, raw: RawMessage): Promise<void> | undefined {
  const { stage, reader, client, early } = own;
  if (stage.kind === "passing") return stage.events.onMessages([raw]);
  if (reader !== undefined) return reader.onMessages([raw]);
  const { message } = raw;
  if (message.kind === "response") {
    const isMeant = (id: IdKey) => message.id === id || twinOf(message.id) === id;
    if (stage.kind === "initialising" && isMeant(stage.opening.id)) return onInitializeAnswer(own, stage.opening, raw);
    if (stage.kind === "discovering" && message.id === DISCOVER_ID) return onDiscoverAnswer(own, stage.refusal, raw);
    if (message.id === PING_ID) {
      onAnswered(own);
      return undefined;
    }
  }
  // To a client that does not begin with `initialize`, all that it says may be an answer.
  if (own.isTouched) own.options.onStarted();
  if (client !== undefined) return client.events.onMessages([raw]);
  early.keep(raw);
  return undefined;
}

function onAnswered(own: OwnState): void {
  own.hasAnswered = true;
  own.options.onStarted();
  own.options.onWorks(own.content);
  own.answered.resolve();
}

function onInitializeAnswer(own: OwnState, asked: Opening, answer: RawMessage): Promise<void> | undefined {
  const { client, opening } = own;
  const { eras, server } = own.options;
  onAnswered(own);
  const reply = replyOf(answer.line);
  const kept = { ...answer, line: Buffer.from(answer.line) };
  if (reply.kind === "result") {
    eras.learn(server, { legacy: true }, true);
    own.stage = { kind: "initialised", opening: asked, answer: kept };
    return client !== undefined && opening !== undefined ? handOver(own, client, opening, kept) : undefined;
  }
  const isProven = judgeInitialize(reply).kind === "modern";
  const refusal: Refusal = { opening: asked, answer: kept, isProven };
  if (isProven) eras.learn(server, { modern: true, legacy: false }, true);
  else if (server.timeouts.probeMs === 0 || eras.of(server).modern === false) return settleRefusal(own, refusal);
  discover(own, refusal);
  return undefined;
}

function onDiscoverAnswer(own: OwnState, refusal: Refusal | undefined, answer: RawMessage): Promise<void> | undefined {
  const { client, opening, useless, context } = own;
  const { eras, server, log } = own.options;
  clearTimeout(own.probeTimer);
  onAnswered(own);
  const verdict = judgeDiscover(replyOf(answer.line));
  if (verdict.kind === "modern") {
    eras.learn(server, { modern: true, legacy: false }, true);
    if (refusal !== undefined) log.info(context, "the server speaks 2026-07-28 alone: sessions are bridged");
    becomeModern(own, verdict.identity);
    return undefined;
  }
  if (verdict.kind === "unsupported") {
    const message = `The server speaks no revision of MCP that the proxy knows. Its revisions: ${verdict.supported.join(", ").slice(0, 300)}.`;
    client?.events.onEnd({ kind: "failed", code: "child_refused", message, data: { supported: verdict.supported } });
    useless.resolve();
    return undefined;
  }
  if (refusal !== undefined) {
    if (!refusal.isProven) eras.learn(server, { modern: false }, true);
    return settleRefusal(own, refusal);
  }
  // It was modern once.
  eras.learn(server, { legacy: true, modern: false }, true);
  own.stage = { kind: "unasked" };
  if (opening !== undefined) initialise(own, opening);
  return undefined;
}

/** The child has ended by itself, or cannot be understood any more. */
export function onEnd(own: OwnState, end: LinkEnd): void {
  const { stage: last, client, opening, isStopping, hasAnswered, content } = own;
  const { options, reader, useless } = own;
  clearTimeout(own.probeTimer);
  own.stage = { kind: "over", end };
  options.onStarted();
  reader?.onEnd(end);
  useless.resolve();
  if (!isStopping && !hasAnswered) {
    if (last.kind === "unasked" || last.kind === "initialising") options.onCrash(content);
    if (last.kind === "discovering") options.eras.doubt(options.server);
  }
  if (client === undefined) return;
  const refusal = last.kind === "discovering" ? last.refusal : undefined;
  if (refusal?.isProven === true && !isStopping) {
    client.onLost(own.held.take());
    return;
  }
  if (refusal !== undefined && opening !== undefined) void client.events.onMessages([underId(refusal.answer, opening)]);
  client.events.onEnd(end);
}
