import { ERRORS, ProxyError } from "../base/errors.ts";
import { discoverRequest } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { Link, RawMessage } from "../link/link.ts";
import { createSharedLink } from "../link/shared.ts";
import { createNotifications } from "../pool/notifications.ts";
import { createPooledChild } from "../pool/pooled-child.ts";
import { applyEdits, valueAt } from "../wire/json-edit.ts";
import { errorAnswer } from "../wire/message.ts";
import { createBridgedLink } from "./bridged-link.ts";
import { ownSource } from "./child-source.ts";
import { type Opening, openingOf } from "./opening.ts";
import { DISCOVER_ID, type OwnStartClient, type OwnState, type Refusal, type Stage } from "./own-start-state.ts";

type Sent = ReturnType<Link["send"]>;

const PROXY_INFO = '{"name":"mcp-sse-proxy","version":"1"}';

/** Takes a message of the attached session to where it belongs. */
export function send(own: OwnState, message: RawMessage): Sent {
  const { stage, opening, held, options } = own;
  const { child, eras, server } = options;
  if (stage.kind === "passing") return child.write(message.line);
  if (stage.kind === "bridged") return stage.link.send(message);
  if (stage.kind === "over") return "closed";
  const first = opening === undefined ? openingOf(message) : undefined;
  if (first !== undefined) return open(own, first);
  // What answers the child goes to the child, and a client that does not begin with initialize may know why.
  const isUnopened = opening === undefined && stage.kind === "unasked";
  const isPlain = stage.kind === "initialising" && eras.of(server).legacy === true;
  if (message.message.kind === "response" || isUnopened || isPlain) {
    own.isTouched = true;
    return child.write(message.line);
  }
  return held.add(message) ? "ok" : "full";
}

function open(own: OwnState, first: Opening): Sent {
  own.opening = first;
  own.isWanted = true;
  if (own.stage.kind === "unasked") return initialise(own, first);
  if (own.stage.kind === "initialised" && own.client !== undefined)
    void handOver(own, own.client, first, own.stage.answer);
  return "ok";
}

/** Asks the child to initialize, in the client's words. */
export function initialise(own: OwnState, opening: Opening): Sent {
  const written = own.options.child.write(opening.message.line);
  if (written !== "ok") return written;
  own.content = opening.content;
  own.askedAt = performance.now();
  own.stage = { kind: "initialising", opening };
  return "ok";
}

/** Asks the child whether it is modern. */
export function discover(own: OwnState, refusal: Refusal | undefined): void {
  const { child, server } = own.options;
  own.stage = { kind: "discovering", refusal };
  child.write(Buffer.from(discoverRequest(DISCOVER_ID, PROXY_INFO)));
  // It has just answered, so it is no longer on its way.
  if (refusal !== undefined && !refusal.isProven)
    own.probeTimer = setTimeout(() => settleRefusal(own, refusal), server.timeouts.probeMs);
}

/** Answers the attached session's `initialize` as the child has: from now on, messages pass. */
export function handOver(
  own: OwnState,
  { events }: OwnStartClient,
  asked: Opening,
  answer: RawMessage,
): Promise<void> | undefined {
  own.stage = { kind: "passing", events };
  const sent = events.onMessages([...own.early.take(), underId(answer, asked)]);
  flush(own);
  return sent;
}

/** The client gets the child's own refusal, if there is one; nobody else can make use of this child. */
export function settleRefusal(own: OwnState, { answer }: Refusal): Promise<void> | undefined {
  const { client, opening, useless } = own;
  if (client !== undefined && opening !== undefined) return handOver(own, client, opening, answer);
  useless.resolve();
  return undefined;
}

export function becomeModern(own: OwnState, identity: Identity): void {
  const { options, context, early, client } = own;
  const { child, name, server, scan, log } = options;
  const link = createSharedLink({
    child,
    scan,
    maxLineBytes: server.limits.lineBytes,
    // The session itself keeps the time of its requests.
    requestMs: 0,
    log,
    context,
    read: (events) => {
      own.reader = events;
    },
  });
  const notifications = createNotifications();
  const pooled = createPooledChild({ name, link, identity, isAskable: false, notifications });
  const stage = { kind: "modern", source: ownSource(pooled, identity, notifications), stop: link.stop } as const;
  own.stage = stage;
  void own.reader?.onMessages(early.take());
  if (client !== undefined) bridge(own, client, stage);
}

/** Serves the attached session over the bridge, with what it has sent so far. */
export function bridge(own: OwnState, { events }: OwnStartClient, modern: Extract<Stage, { kind: "modern" }>): void {
  const { options, dropped, opening } = own;
  const { child, server, log } = options;
  const connect = createBridgedLink({
    serverName: server.name,
    sourceFor: () => modern.source,
    outboxBytes: server.limits.outboxBytes,
    pid: child.pid,
    dropped,
    stop: modern.stop,
    log,
  });
  const link = connect(events);
  own.stage = { kind: "bridged", link };
  if (opening !== undefined) link.send(opening.message);
  flush(own);
}

/** Gives what was held back to where it belongs now. */
function flush(own: OwnState): void {
  for (const message of own.held.take()) {
    const sent = send(own, message);
    if (sent !== "ok") refuse(own, message, sent === "full" ? "child_busy" : "child_exited");
  }
}

function refuse({ client }: OwnState, { message }: RawMessage, code: "child_busy" | "child_exited"): void {
  if (message.kind !== "request") return;
  const line = Buffer.from(errorAnswer(message.rawId, ERRORS[code].rpc, new ProxyError(code).message, { code }));
  void client?.events.onMessages([{ line, message: { kind: "response", id: message.id } }]);
}

/** The answer as the session that waits for it calls its request. */
export function underId(answer: RawMessage, { id, rawId }: Opening): RawMessage {
  const span = valueAt(answer.line, ["id"]);
  if (span === undefined) return answer;
  return { ...answer, line: applyEdits(answer.line, [{ ...span, text: rawId }]), message: { kind: "response", id } };
}
