import type { Subscribed } from "../pool/subscriptions.ts";
import type { LogLevel } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { IdKey } from "../wire/message.ts";
import { createLegacyServerListening } from "./legacy-server-listening.ts";
import { createLegacyServerRequest } from "./legacy-server-request.ts";
import type { ServerRequest } from "./server-request.ts";
import type { ServerSide, ServerSideParts } from "./server-side.ts";

/** Serves a legacy client with legacy children that other sessions use, too. */
export function createLegacyServerSide(parts: ServerSideParts): ServerSide {
  const active = new Map<IdKey, ServerRequest>();
  const closed = new AbortController();
  let logLevel: LogLevel | undefined;
  const listening = createLegacyServerListening(parts.source, (message) => void parts.deliver(message));

  return {
    request: async (request) => {
      const { id } = request;
      const served = createLegacyServerRequest({
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
    subscribe: async (uri) => refusalOf(await listening.subscribe(uri)),
    unsubscribe: listening.unsubscribe,
    open: listening.open,
    close: () => {
      closed.abort();
      listening.close();
      for (const served of [...active.values()]) served.cancel("the client's session has ended");
    },
  };
}

/** The error object (JSON text) with which a subscription was refused; undefined: it was not. @throws ProxyError of the child's end. */
function refusalOf(subscribed: Subscribed): string | undefined {
  switch (subscribed.kind) {
    case "ok":
      return undefined;
    case "refused": {
      const error = valueAt(subscribed.answer, ["error"]);
      return error === undefined ? "{}" : textAt(subscribed.answer, error);
    }
    case "failed":
      throw subscribed.error;
    case "too-many":
      return '{"code":-32000,"message":"As many resources are subscribed to as the proxy allows."}';
  }
}
