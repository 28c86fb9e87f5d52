import { ProxyError } from "../base/errors.ts";
import { isRecord } from "../base/record.ts";
import { withSubscriptionId } from "../bridge/messages/modern-client-legacy-server.ts";
import { subscriptionEnd } from "../bridge/messages/rounds.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease } from "../pool/lease.ts";
import { META } from "../wire/envelope.ts";
import { jsonAt, stringAt } from "../wire/json-value.ts";
import type { Round } from "./round.ts";

/** Resources that one subscription may name. */
const MAX_URIS = 256;

/** Subscriptions that a child is asked for at a time: enough that many do not take many times as long, and no flood. */
const MAX_AT_ONCE = 16;

const UPDATED = "notifications/resources/updated";

/** The kinds of notifications that a client may listen to, and the capability that a server that sends them has. */
const LISTS = [
  { field: "toolsListChanged", capability: "tools", method: "notifications/tools/list_changed" },
  { field: "promptsListChanged", capability: "prompts", method: "notifications/prompts/list_changed" },
  { field: "resourcesListChanged", capability: "resources", method: "notifications/resources/list_changed" },
] as const;

export interface LegacyServerSubscriptionOptions {
  readonly children: Pick<CallerChildren, "notifications" | "subscriptions">;
  readonly lease: Lease;
  readonly round: Round;
  readonly onEnd: () => void;
}

/** `subscriptions/listen` of a modern client at legacy children (2026-07-28, basic/patterns/subscriptions). */
export interface LegacyServerSubscription {
  readonly start: () => Promise<void>;
  /** The proxy ends it: the client is told that this was on purpose. */
  readonly close: () => void;
  readonly leave: () => void;
}

export function createLegacyServerSubscription({
  children,
  lease,
  round,
  onEnd,
}: LegacyServerSubscriptionOptions): LegacyServerSubscription {
  const { rawId, sink } = round;
  const { capabilities } = lease.identity;
  const uris = new Set<string>();
  const methods = new Set<string>();
  let unlisten = () => {};
  let unpin = () => {};
  let isOver = false;

  const finish = () => {
    if (isOver) return;
    isOver = true;
    unlisten();
    for (const uri of uris) children.subscriptions.remove(uri);
    unpin();
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

  const tell = (line: Buffer) => {
    if (isOver) return;
    if (sink.isSlow()) sink.cut();
    else void sink.notify(withSubscriptionId(line, rawId));
  };

  /**
   * Listens to notifications before anything is subscribed to: the child may tell of a resource as soon as it has agreed to. Nothing may be sent
   * before the acknowledgement, and of what comes until then, the last of each kind and resource is enough.
   *
   * @returns sends what has come, and from then on whatever comes.
   */
  const listen = (wanted: ReadonlySet<string>) => {
    let early: Map<string, { readonly line: Buffer; readonly uri: string | undefined }> | undefined = new Map();
    unlisten = children.notifications.listen(({ line, method }) => {
      const uri = method === UPDATED ? stringAt(line, ["params", "uri"]) : undefined;
      const isWanted = method === UPDATED ? uri !== undefined && wanted.has(uri) : methods.has(method);
      if (!isWanted) return;
      if (early !== undefined) early.set(`${method} ${uri}`, { line: Buffer.from(line), uri });
      else if (uri === undefined || uris.has(uri)) tell(line);
    });
    return () => {
      const waiting = early?.values() ?? [];
      early = undefined;
      for (const { line, uri } of waiting) if (uri === undefined || uris.has(uri)) tell(line);
    };
  };

  const subscribeTo = async (wanted: ReadonlySet<string>) => {
    const left = wanted.values();
    const work = async () => {
      for (const uri of left) {
        if (isOver) return;
        const { kind } = await children.subscriptions.add(lease.link, uri);
        if (kind !== "ok") continue;
        if (isOver) children.subscriptions.remove(uri);
        else uris.add(uri);
      }
    };
    await Promise.all(Array.from({ length: Math.min(MAX_AT_ONCE, wanted.size) }, work));
  };

  return {
    start: async () => {
      unpin = lease.pin();
      let filter: Filter;
      try {
        filter = readFilter(round.line);
      } catch (error) {
        finish();
        throw error;
      }
      const agreed: Record<string, unknown> = {};
      for (const { field, capability, method } of LISTS) {
        if (!filter.lists.has(field) || !has(capability, "listChanged")) continue;
        agreed[field] = true;
        methods.add(method);
      }
      // Each once: a URI that is named twice would be taken back only once.
      const wanted = new Set(has("resources", "subscribe") ? filter.uris : []);
      const tellEarly = listen(wanted);
      await subscribeTo(wanted);
      if (isOver) return;
      if (uris.size > 0) agreed["resourceSubscriptions"] = [...wanted].filter((uri) => uris.has(uri));
      const meta = `{"${META.subscriptionId}":${rawId}}`;
      const params = `{"_meta":${meta},"notifications":${JSON.stringify(agreed)}}`;
      void sink.notify(
        Buffer.from(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":${params}}`),
      );
      tellEarly();
      // Notifications of a child that is gone never come: the client is to listen anew.
      void lease.link.ended.then(() => {
        if (isOver) return;
        sink.cut();
        finish();
      });
    },
    close: () => {
      if (isOver) return;
      sink.answer(subscriptionEnd(rawId));
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
  const fields = jsonAt(line, ["params", "notifications"]);
  if (!isRecord(fields)) {
    throw new ProxyError("invalid_params", {
      message: "subscriptions/listen needs params.notifications, an object.",
    });
  }
  const uris = fields["resourceSubscriptions"];
  const isList = Array.isArray(uris) && uris.length <= MAX_URIS && uris.every((uri) => typeof uri === "string");
  if (uris !== undefined && !isList) {
    throw new ProxyError("invalid_params", {
      message: `resourceSubscriptions must be a list of up to ${MAX_URIS} URIs.`,
    });
  }
  return {
    lists: new Set(LISTS.map(({ field }) => field).filter((field) => fields[field] === true)),
    uris: isList ? uris : undefined,
  };
}
