import { ERRORS, ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { isRecord } from "../base/record.ts";
import type { Profile } from "../link/handshake.ts";
import type { Identity } from "../link/identity.ts";
import type { ConnectLink, Link, LinkEvents, RawMessage } from "../link/link.ts";
import { isLogLevel, LOG_LEVELS } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { errorAnswer, idKey } from "../wire/message.ts";
import { NEWEST_SESSION_REVISION } from "../wire/revisions.ts";
import type { ChildSource } from "./child-source.ts";
import { createClientRequests } from "./client-requests.ts";
import { createHeldMessages, type HeldMessages } from "./held-messages.ts";
import { createLegacyServerSide } from "./legacy-server-side.ts";
import { mayBeAsked, sharedCapabilities } from "./messages/capabilities.ts";
import { initializeResult } from "./messages/legacy-client-modern-server.ts";
import { createModernServerSide } from "./modern-server-side.ts";
import type { IncomingRequest, ServerSide } from "./server-side.ts";

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
  const { serverName, sourceFor, outboxBytes, log } = options;
  const opened = new AbortController();
  /** What came before the server side was there. */
  let early: HeldMessages | undefined;
  let side: ServerSide | undefined;
  let isOver = false;
  let isOwn = false;
  let hasLogging = false;
  let pendingBytes = 0;

  const deliver = (message: RawMessage): Promise<void> | undefined => {
    if (isOver) return undefined;
    const sent = events.onMessages([message]);
    if (sent === undefined || isOwn) return sent;
    // The others that use the child do not wait for this client.
    const bytes = message.line.length;
    if (outboxBytes > 0 && pendingBytes > outboxBytes) {
      isOver = true;
      events.onEnd({ kind: "stalled" });
      return undefined;
    }
    pendingBytes += bytes;
    void sent.then(() => {
      pendingBytes -= bytes;
    });
    return undefined;
  };

  const clientRequests = createClientRequests((message) => void deliver(message));

  const respond = ({ id, rawId }: IncomingRequest, outcome: string) =>
    deliver({ line: Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${outcome}}`), message: { kind: "response", id } });

  const refuse = (request: IncomingRequest, { code, message, data }: ProxyError) =>
    void deliver({
      line: Buffer.from(errorAnswer(request.rawId, ERRORS[code].rpc, message, { code, ...data })),
      message: { kind: "response", id: request.id },
    });

  const initialize = async (request: IncomingRequest) => {
    early = createHeldMessages(outboxBytes);
    const span = valueAt(request.line, ["params"]);
    const params: unknown = span === undefined ? {} : JSON.parse(textAt(request.line, span));
    const { protocolVersion, capabilities, clientInfo } = isRecord(params) ? params : {};
    const declared = sharedCapabilities(isRecord(capabilities) ? capabilities : {});
    const profile: Profile = {
      revision: typeof protocolVersion === "string" ? protocolVersion : NEWEST_SESSION_REVISION,
      capabilities: JSON.stringify(declared),
      clientInfo: JSON.stringify(isRecord(clientInfo) ? clientInfo : { name: "unknown", version: "unknown" }),
      hasRoots: declared["roots"] !== undefined,
    };
    const source = sourceFor(profile);
    isOwn = source.isOwn;
    const identity = await identify(source);
    hasLogging = identity.capabilities["logging"] !== undefined;
    const create = identity.era === "modern" ? createModernServerSide : createLegacyServerSide;
    side = create({
      source,
      identity,
      client: profile,
      isAskable: mayBeAsked(declared),
      clientRequests,
      deliver,
      refuse,
    });
    if (isOver) {
      side.close();
      return;
    }
    void respond(request, `"result":${initializeResult(identity, protocolVersion, serverName)}`);
    const waiting = early.take();
    early = undefined;
    for (const message of waiting) handle(message);
  };

  const identify = async (source: ChildSource): Promise<Identity> => {
    const lease = await source.lease("shared", opened.signal);
    lease.release();
    return lease.identity;
  };

  const fail = (error: unknown) => {
    if (isOver) return;
    isOver = true;
    const { code, message, data } = error instanceof ProxyError ? error : new ProxyError("internal_error");
    if (!(error instanceof ProxyError)) log.error({ err: error }, "bridging a session failed");
    events.onEnd({ kind: "failed", code, message, data: data ?? {} });
  };

  const guard = (work: Promise<void>, request?: IncomingRequest) => {
    work.catch((error: unknown) => {
      if (isOver) return;
      if (!(error instanceof ProxyError)) log.error({ err: error }, "bridging a message failed");
      if (request !== undefined)
        refuse(request, error instanceof ProxyError ? error : new ProxyError("internal_error"));
    });
  };

  const subscription = async (request: IncomingRequest, to: ServerSide) => {
    const span = valueAt(request.line, ["params", "uri"]);
    const uri: unknown = span === undefined ? undefined : JSON.parse(textAt(request.line, span));
    if (typeof uri !== "string") {
      void respond(request, '"error":{"code":-32602,"message":"params.uri must be a string."}');
      return;
    }
    const refusal = request.method === "resources/subscribe" ? await to.subscribe(uri) : await to.unsubscribe(uri);
    void respond(request, typeof refusal === "string" ? `"error":${refusal}` : '"result":{}');
  };

  const setLevel = (request: IncomingRequest, to: ServerSide) => {
    if (!hasLogging) {
      void respond(request, '"error":{"code":-32601,"message":"The server has no log messages."}');
      return;
    }
    const span = valueAt(request.line, ["params", "level"]);
    const level: unknown = span === undefined ? undefined : JSON.parse(textAt(request.line, span));
    if (!isLogLevel(level)) {
      void respond(
        request,
        `"error":{"code":-32602,"message":"params.level must be one of ${LOG_LEVELS.join(", ")}."}`,
      );
      return;
    }
    to.setLogLevel(level);
    void respond(request, '"result":{}');
  };

  const onRequest = (request: IncomingRequest) => {
    if (request.method === "initialize" && side === undefined) {
      initialize(request).catch(fail);
      return;
    }
    if (request.method === "ping") {
      void respond(request, '"result":{}');
      return;
    }
    if (side === undefined) {
      refuse(
        request,
        new ProxyError("invalid_request", { message: "The first request of a session must be initialize." }),
      );
    } else if (request.method === "initialize") {
      refuse(request, new ProxyError("invalid_request", { message: "A session is initialized once." }));
    } else if (request.method === "logging/setLevel") {
      setLevel(request, side);
    } else if (request.method === "resources/subscribe" || request.method === "resources/unsubscribe") {
      guard(subscription(request, side), request);
    } else {
      guard(side.request(request), request);
    }
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
    if (isOver) return;
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
      isOver = true;
      opened.abort();
      clientRequests.close();
      side?.close();
      return options.stop();
    },
  };
}
