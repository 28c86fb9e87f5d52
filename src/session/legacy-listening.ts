import { ProxyError } from "../base/errors.ts";
import { withSubscriptionId } from "../bridge/modern-client.ts";
import type { Family } from "../link/family.ts";
import type { Lease } from "../link/lease.ts";
import { META } from "../wire/envelope.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import type { Round } from "./round.ts";

/** Resources that one subscription may name. */
const MAX_URIS = 256;

/** The kinds of news that a client may listen to, and the capability that a server of such news has. */
const LISTS = [
  { field: "toolsListChanged", capability: "tools", method: "notifications/tools/list_changed" },
  { field: "promptsListChanged", capability: "prompts", method: "notifications/prompts/list_changed" },
  { field: "resourcesListChanged", capability: "resources", method: "notifications/resources/list_changed" },
] as const;

export interface LegacyListeningOptions {
  readonly family: Family;
  readonly lease: Lease;
  readonly round: Round;
  readonly onEnd: () => void;
}

/** `subscriptions/listen` of a modern client at legacy children (2026-07-28, basic/patterns/subscriptions). */
export interface LegacyListening {
  readonly start: () => Promise<void>;
  /** The proxy ends it: the client is told that this was on purpose. */
  readonly close: () => void;
  readonly leave: () => void;
}

export function createLegacyListening({ family, lease, round, onEnd }: LegacyListeningOptions): LegacyListening {
  const { rawId, sink } = round;
  const { capabilities } = lease.identity;
  const uris = new Set<string>();
  const methods = new Set<string>();
  let unlisten = () => {};
  let letGo = () => {};
  let isOver = false;

  const finish = () => {
    if (isOver) return;
    isOver = true;
    unlisten();
    for (const uri of uris) family.subscriptions.remove(uri);
    letGo();
    lease.release();
    onEnd();
  };

  const has = (capability: string, feature: string) => {
    const declared = capabilities[capability];
    return (
      typeof declared === "object" &&
      declared !== null &&
      Object.entries(declared).some(([name, value]) => name === feature && value === true)
    );
  };

  return {
    start: async () => {
      letGo = lease.hold();
      let wanted: Filter;
      try {
        wanted = readFilter(round.line);
      } catch (error) {
        finish();
        throw error;
      }
      const agreed: Record<string, unknown> = {};
      for (const { field, capability, method } of LISTS) {
        if (!wanted.lists.has(field) || !has(capability, "listChanged")) continue;
        agreed[field] = true;
        methods.add(method);
      }
      if (has("resources", "subscribe") && wanted.uris !== undefined) {
        // Each once: a URI that is named twice would be taken back only once.
        for (const uri of new Set(wanted.uris)) {
          if (isOver) return;
          const { kind } = await family.subscriptions.add(lease.link, uri);
          if (kind !== "ok") continue;
          if (isOver) family.subscriptions.remove(uri);
          else uris.add(uri);
        }
        if (uris.size > 0) agreed["resourceSubscriptions"] = [...uris];
      }
      if (isOver) return;
      const meta = `{"${META.subscriptionId}":${rawId}}`;
      const params = `{"_meta":${meta},"notifications":${JSON.stringify(agreed)}}`;
      void sink.notify(
        Buffer.from(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}`),
      );
      unlisten = family.news.listen(({ line, method }) => {
        if (method === "notifications/resources/updated") {
          const uri = valueAt(line, ["params", "uri"]);
          const updated: unknown = uri === undefined ? undefined : JSON.parse(textAt(line, uri));
          if (typeof updated !== "string" || !uris.has(updated)) return;
        } else if (!methods.has(method)) {
          return;
        }
        if (sink.isSlow()) sink.cut();
        else void sink.notify(withSubscriptionId(line, rawId));
      });
      // News of a child that is gone never come: the client is to listen anew.
      void lease.link.ended.then(() => {
        if (isOver) return;
        sink.cut();
        finish();
      });
    },
    close: () => {
      if (isOver) return;
      const result = `{"resultType":"complete","_meta":{"${META.subscriptionId}":${rawId}}}`;
      sink.answer(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},"result":${result}}`));
      finish();
    },
    leave: finish,
  };
}

interface Filter {
  readonly lists: ReadonlySet<string>;
  readonly uris: readonly string[] | undefined;
}

function readFilter(line: Buffer): Filter {
  const span = valueAt(line, ["params", "notifications"]);
  const filter: unknown = span === undefined ? undefined : JSON.parse(textAt(line, span));
  if (typeof filter !== "object" || filter === null || Array.isArray(filter)) {
    throw new ProxyError("invalid_envelope", {
      message: "subscriptions/listen needs params.notifications, an object.",
    });
  }
  const fields: Readonly<Record<string, unknown>> = { ...filter };
  const uris = fields["resourceSubscriptions"];
  const isList = Array.isArray(uris) && uris.length <= MAX_URIS && uris.every((uri) => typeof uri === "string");
  if (uris !== undefined && !isList) {
    throw new ProxyError("invalid_envelope", {
      message: `resourceSubscriptions must be a list of up to ${MAX_URIS} URIs.`,
    });
  }
  return {
    lists: new Set(LISTS.map(({ field }) => field).filter((field) => fields[field] === true)),
    uris: isList ? uris : undefined,
  };
}
