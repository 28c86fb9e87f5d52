import { ProxyError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { EraMemory } from "../link/eras.ts";
import { type Profile, shakeHands } from "../link/handshake.ts";
import type { ConnectLink } from "../link/link.ts";
import { createSharedLink } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import { createNotifications } from "../pool/notifications.ts";
import { createPooledChild } from "../pool/pooled-child.ts";
import type { Child } from "../process/child.ts";
import type { Server } from "../process/server.ts";
import type { Starter } from "../process/starter.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { createBridgedLink } from "./bridged-link.ts";
import { type ChildSource, ownSource } from "./child-source.ts";

export interface OwnChildBridgeOptions {
  readonly starter: Starter;
  readonly eras: EraMemory;
  readonly scan: JsonScanner;
  readonly log: Logger;
}

/** A child that has been started for one session. */
export interface OwnChild {
  readonly child: Child;
  readonly name: string;
  readonly server: Server;
  readonly variables: ReadonlyMap<string, string>;
}

/** Bridges a legacy client's session onto a modern child that it has for itself. */
export interface OwnChildBridge {
  readonly onto: (own: OwnChild) => ConnectLink;
  /**
   * Starts a child anew, and finds out whether it is modern. "legacy": it says that it is not. "unclear": it says nothing,
   * or ends. Nothing is left of it then.
   */
  readonly tryModern: (
    server: Server,
    variables: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ) => Promise<ConnectLink | "legacy" | "unclear">;
}

/** A child that cannot be used as a modern one. */
interface NotModern {
  readonly kind: "not-modern";
  /** Whether its answers say so, and not its silence or its end. */
  readonly isCertain: boolean;
  readonly error: ProxyError;
}

/** Who asks, when nobody has said yet who the client is. */
const PROBE: Profile = {
  revision: "2025-11-25",
  capabilities: "{}",
  clientInfo: '{"name":"mcp-sse-proxy","version":"1"}',
  hasRoots: false,
};

export function createOwnChildBridge({ starter, eras, scan, log }: OwnChildBridgeOptions): OwnChildBridge {
  const connectTo = ({ child, name, server }: OwnChild) => {
    const context = { session: name, server: server.name, pid: child.pid };
    // The session itself keeps the time of its requests.
    const link = createSharedLink({ child, scan, maxLineBytes: server.limits.lineBytes, requestMs: 0, log, context });
    const shake = async (limitMs: number): Promise<ChildSource | NotModern> => {
      const { probeMs } = server.timeouts;
      const deadline = limitMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + limitMs;
      const known = { ...eras.of(server), legacy: false };
      const outcome = await shakeHands({ link, profile: PROBE, wanted: "legacy", known, probeMs, deadline });
      if (outcome.kind === "ready" && outcome.identity.era === "modern") {
        eras.learn(server, { ...outcome.learnt, legacy: outcome.learnt.legacy ?? false }, true);
        const notifications = createNotifications();
        const { identity } = outcome;
        return ownSource(
          createPooledChild({ name, link, identity, isAskable: false, notifications }),
          identity,
          notifications,
        );
      }
      const error = outcome.kind === "refused" ? outcome.error : new ProxyError("child_refused");
      return {
        kind: "not-modern",
        isCertain: outcome.kind === "ready" || (outcome.kind === "restart" && outcome.isCertain),
        error,
      };
    };
    return { link, shake };
  };

  const bridged = (
    own: OwnChild,
    link: ReturnType<typeof connectTo>["link"],
    source: Promise<ChildSource | NotModern>,
  ): ConnectLink => {
    return (events) => {
      void link.ended.then(events.onEnd);
      const connect = createBridgedLink({
        serverName: own.server.name,
        sourceFor: () => pending(source),
        outboxBytes: own.server.limits.outboxBytes,
        pid: link.pid,
        dropped: () => 0,
        stop: link.stop,
        log,
      });
      return { ...connect(events), startWords: link.startWords };
    };
  };

  return {
    onto: (own) => {
      const { link, shake } = connectTo(own);
      let isStopped = false;
      const source = shake(own.server.timeouts.startMs).then((found) => {
        // It was modern once. A child that its client has left says nothing about the next one.
        if ("kind" in found && found.isCertain) eras.learn(own.server, { legacy: true, modern: false }, true);
        else if ("kind" in found && !isStopped) eras.doubt(own.server);
        return found;
      });
      const stop = () => {
        isStopped = true;
        return link.stop();
      };
      return bridged(own, { ...link, stop }, source);
    },
    tryModern: async (server, variables, signal) => {
      const started = await starter.start({ server, variables, signal }).catch((error: unknown) => {
        if (!(error instanceof ProxyError)) log.error({ server: server.name, err: error }, "probing a server failed");
        return undefined;
      });
      if (started === undefined) return "unclear";
      const { child, name, onStarted } = started;
      const own = { child, name, server, variables };
      const { link, shake } = connectTo(own);
      // Nobody waits for what it would have said. Its like has answered already, so it is not slow to start.
      const leave = () => void link.stop();
      signal.addEventListener("abort", leave);
      if (signal.aborted) leave();
      const source = await shake(server.timeouts.probeMs);
      signal.removeEventListener("abort", leave);
      onStarted();
      if (!("kind" in source) && !signal.aborted) return bridged(own, link, Promise.resolve(source));
      await link.stop();
      return "kind" in source && source.isCertain && !signal.aborted ? "legacy" : "unclear";
    },
  };
}

/** A source whose child is still shaking hands. */
function pending(source: Promise<ChildSource | NotModern>): ChildSource {
  const settled = async (): Promise<ChildSource> => {
    const found = await source;
    if ("kind" in found) throw found.error;
    return found;
  };
  const listeners = createNotifications();
  return {
    isOwn: true,
    lease: async (mode, signal): Promise<Lease> => (await settled()).lease(mode, signal),
    notifications: listeners,
    subscribe: async (lease, uri) => (await settled()).subscribe(lease, uri),
    unsubscribe: () => undefined,
  };
}
