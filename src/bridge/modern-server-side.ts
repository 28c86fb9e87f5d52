import type { LogLevel } from "../wire/envelope.ts";
import type { IdKey } from "../wire/message.ts";
import { createModernServerListening } from "./modern-server-listening.ts";
import { createModernServerRequest } from "./modern-server-request.ts";
import type { ServerRequest } from "./server-request.ts";
import type { ServerSide, ServerSideParts } from "./server-side.ts";

/** Before a client has said what it wants to hear, a child of its own may tell it so much. */
const OWN_LOG_LEVEL: LogLevel = "info";

/** Serves a legacy client with modern children. */
export function createModernServerSide(parts: ServerSideParts): ServerSide {
  const { source, identity, client, deliver } = parts;
  const active = new Map<IdKey, ServerRequest>();
  const closed = new AbortController();
  let logLevel = source.isOwn && identity.capabilities["logging"] !== undefined ? OWN_LOG_LEVEL : undefined;
  let isOpen = false;
  const listening = createModernServerListening({
    source,
    identity,
    client,
    onNotification: (line, method) => deliver({ line, message: { kind: "notification", method } }),
  });

  const listenToOwn = async () => {
    if (!source.isOwn) return;
    const lease = await source.lease("shared", closed.signal);
    lease.listen({ onNotification: deliver, onRequest: () => undefined });
  };

  return {
    request: async (request) => {
      const { id } = request;
      const served = createModernServerRequest({
        parts,
        request,
        logLevel: () => logLevel,
        signal: closed.signal,
        onOver: () => {
          // After a cancellation its id may be another's.
          if (active.get(id) === served) active.delete(id);
        },
      });
      active.set(id, served);
      if (await served.begin()) void listening.revive();
    },
    cancel: (id, reason) => active.get(id)?.cancel(reason),
    setLogLevel: (level) => {
      logLevel = level;
    },
    subscribe: async (uri) =>
      (await listening.subscribe(uri))
        ? undefined
        : '{"code":-32602,"message":"The server takes no subscription to this resource."}',
    unsubscribe: listening.unsubscribe,
    open: async () => {
      if (isOpen) return;
      isOpen = true;
      await listenToOwn();
      await listening.open();
    },
    close: () => {
      closed.abort();
      listening.close();
      for (const served of [...active.values()]) served.cancel("the client's session has ended");
    },
  };
}
