import { ProxyError } from "../base/errors.ts";
import { createExplain } from "../base/explain.ts";
import type { Logger } from "../base/logger.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { ConnectLink, Link, LinkEvents, RawMessage } from "../link/link.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { idKey } from "../wire/message.ts";
import { progressTokenFlaw } from "../wire/param-types.ts";
import type { ChildSource } from "./child-source.ts";
import { createClientOutlet } from "./client-outlet.ts";
import { createClientRequests } from "./client-requests.ts";
import { createHeldMessages, type HeldMessages } from "./held-messages.ts";
import { createLegacyServerSide } from "./legacy-server-side.ts";
import { initializeResult } from "./messages/legacy-client-modern-server.ts";
import { createModernServerSide } from "./modern-server-side.ts";
import type { IncomingRequest, ServerSide } from "./server-side.ts";
import { type ClientProfile, readClientProfile } from "./session-profile.ts";
import { answerSetLevel, answerSubscription } from "./session-requests.ts";

export interface BridgedLinkOptions {
  /** The server's name, for a server that does not tell its own. */
  readonly serverName: string;
  /** Where the session's children are, once it is known how they are to be initialised. */
  readonly sourceFor: (profile: Profile) => ChildSource;
  /** Bytes that may wait for a slow client whose child others use, too; 0: no bound. */
  readonly outboxBytes: number;
  readonly pid: number | undefined;
  readonly dropped: () => number;
  /** Ends what the session has for itself. */
  readonly stop: () => Promise<void>;
  readonly log: Logger;
}

/** A session whose client speaks to its server through the proxy: `initialize` and what belongs to it are the proxy's business. */
export function createBridgedLink(options: BridgedLinkOptions): ConnectLink {
  return (events) => connect(options, events);
}

function connect(options: BridgedLinkOptions, events: LinkEvents): Link {
  const { outboxBytes } = options;
  const explain = createExplain(options.log, "bridging a session");
  const opened = new AbortController();
  const client = createClientOutlet(events, outboxBytes);
  const clientRequests = createClientRequests((message) => void client.deliver(message));
  /** What came before the server side was there. */
  let early: HeldMessages | undefined;
  let side: ServerSide | undefined;
  let hasLogging = false;

  const initialize = async (request: IncomingRequest) => {
    early = createHeldMessages(outboxBytes);
    const said = readClientProfile(request.line);
    const source = options.sourceFor(said.profile);
    if (source.isOwn) client.setOwn();
    const identity = await identify(source, opened.signal);
    hasLogging = identity.capabilities["logging"] !== undefined;
    side = sideFor(source, identity, said);
    if (client.isOver()) {
      side.close();
      return;
    }
    client.respond(request, `"result":${initializeResult(identity, said.requestedRevision, options.serverName)}`);
    const waiting = early.take();
    early = undefined;
    for (const message of waiting) handle(message);
  };

  const sideFor = (source: ChildSource, identity: Identity, { profile, isAskable }: ClientProfile): ServerSide => {
    const create = identity.era === "modern" ? createModernServerSide : createLegacyServerSide;
    const { deliver, refuse } = client;
    return create({ source, identity, client: profile, isAskable, clientRequests, deliver, refuse, explain });
  };

  const fail = (error: unknown) => {
    if (client.isOver()) return;
    const { code, message, data } = explain(error);
    client.end({ kind: "failed", code, message, data: data ?? {} });
  };

  const guard = (work: Promise<void>, request?: IncomingRequest) => {
    work.catch((error: unknown) => {
      if (client.isOver()) return;
      const explained = explain(error);
      if (request !== undefined) client.refuse(request, explained);
    });
  };

  const subscription = async (request: IncomingRequest, to: ServerSide) =>
    client.respond(request, await answerSubscription(request, to));

  const served = async (request: IncomingRequest, by: ServerSide) => {
    const flaw = progressTokenFlaw(request.line);
    if (flaw !== undefined) throw new ProxyError("invalid_params", { message: flaw });
    await by.request(request);
  };

  const onRequest = (request: IncomingRequest) => {
    const { method } = request;
    if (method === "initialize" && side === undefined) initialize(request).catch(fail);
    else if (method === "ping") client.respond(request, '"result":{}');
    else if (side === undefined)
      client.refuse(request, misplaced("The first request of a session must be initialize."));
    else if (method === "initialize") client.refuse(request, misplaced("A session is initialized once."));
    else if (method === "logging/setLevel") client.respond(request, answerSetLevel(request, side, hasLogging));
    else if (method === "resources/subscribe" || method === "resources/unsubscribe")
      guard(subscription(request, side), request);
    else guard(served(request, side), request);
  };

  const onNotification = ({ line }: RawMessage, method: string) => {
    if (method === "notifications/initialized") {
      if (side !== undefined) guard(side.open());
    } else if (method === "notifications/cancelled") {
      const span = valueAt(line, ["params", "requestId"]);
      const id = span === undefined ? undefined : idKey(textAt(line, span));
      if (id !== undefined) side?.cancel(id, "the client cancelled it");
    }
  };

  const handle = (raw: RawMessage) => {
    if (client.isOver()) return;
    if (early !== undefined) {
      early.add(raw);
      return;
    }
    const { line, message } = raw;
    if (message.kind === "response") clientRequests.answer(raw);
    else if (message.kind === "notification") onNotification(raw, message.method);
    else onRequest({ line, id: message.id, rawId: message.rawId, method: message.method });
  };

  return {
    pid: options.pid,
    send: (message) => {
      if (early !== undefined) return early.add(message) ? "ok" : "full";
      // Whoever sends must have noted that it waits for an answer before there is one.
      queueMicrotask(() => handle(message));
      return "ok";
    },
    dropped: options.dropped,
    stop: () => {
      client.close();
      opened.abort();
      clientRequests.close();
      side?.close();
      return options.stop();
    },
  };
}

async function identify(source: ChildSource, signal: AbortSignal): Promise<Identity> {
  const lease = await source.lease("shared", signal);
  lease.release();
  return lease.identity;
}

function misplaced(message: string): ProxyError {
  return new ProxyError("invalid_request", { message });
}
