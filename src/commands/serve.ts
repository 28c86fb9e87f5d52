import { createApp } from "../app/app.ts";
import { CONNECTION_IDLE_SECONDS, KEEP_ALIVE_FIELDS } from "../app/keep-alive.ts";
import type { Logger } from "../base/logger.ts";
import { createLogger } from "../base/logger.ts";
import { createLinkOpener } from "../bridge/open-link.ts";
import type { Settings } from "../config/configuration.ts";
import { configurationWarnings } from "../config/warnings.ts";
import { createGuard } from "../guard/guard.ts";
import { createEraMemory } from "../link/eras.ts";
import { createPool, type Pool } from "../pool/pool.ts";
import { createAdmission } from "../process/admission.ts";
import { findContainment, UNCONTAINED } from "../process/containment.ts";
import { baseEnvironment } from "../process/environment.ts";
import { startGuardian } from "../process/guardian.ts";
import { instanceName } from "../process/instance.ts";
import { findLeftovers, removeDirectories } from "../process/leftovers.ts";
import { hideFromSameUser } from "../process/privacy.ts";
import { createProcessTable } from "../process/process-table.ts";
import { startReaper } from "../process/reaper.ts";
import { createStarter } from "../process/starter.ts";
import { createStrayHunter } from "../process/strays.ts";
import { findTemporaryRoot, homeWarnings, warningsOf } from "../process/temporary-root.ts";
import { createWorkspaces } from "../process/workspace.ts";
import { createRegistry, type Registry } from "../session/registry.ts";
import { createStateless, type Stateless } from "../stateless/stateless.ts";
import { createBodyReader } from "../transport/body.ts";
import { VERSION } from "../version.ts";
import { createJsonScanner } from "../wire/json-scan.ts";
import { openLogOutput } from "./log-output.ts";
import { ignoresHangup, takeSignals } from "./signals.ts";
import { setUserTimeout } from "./user-timeout.ts";

/** Deeper JSON is refused; Python servers fail at about a thousand levels. */
const MAX_JSON_DEPTH = 256;

/** From a request's head to the last byte of its body. */
const BODY_DEADLINE_MS = 30_000;

/** How often a shutdown looks whether the requests in flight are answered. */
const DRAIN_POLL_MS = 50;

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs the proxy until a signal ends it; gives the exit status. */
export async function serve(settings: Settings, environment: Environment): Promise<number> {
  const pretty = settings.log.format === "pretty" || (settings.log.format === "auto" && process.stdout.isTTY === true);
  const output = await openLogOutput(pretty);
  const log = createLogger({ level: settings.log.level, destination: output.stream });

  // Before the process hides itself: its own /proc entries are out of its reach afterwards.
  const instance = instanceName(process.pid);
  const keepsHangup = ignoresHangup();
  if (!hideFromSameUser()) log.debug("children of the same user can read the proxy's environment on this host");
  const temporary = findTemporaryRoot(environment);
  const warnings = [...configurationWarnings(settings), ...homeWarnings(environment), ...warningsOf(temporary)];
  for (const warning of warnings) log.warn(warning);
  if (!temporary.ok) {
    log.error(temporary.problem);
    output.flush();
    return 1;
  }

  const stopReaping = startReaper();
  const strays = createStrayHunter();
  const leftovers = findLeftovers(temporary.places);
  const killed = await strays.killLeftovers(leftovers.isDead);
  const removed = await removeDirectories(leftovers.directories);
  if (killed + removed > 0)
    log.warn({ processes: killed, directories: removed }, "removed what an earlier run left behind");

  const workspaces = createWorkspaces(temporary.path, instance);
  const base = baseEnvironment(environment);
  const guardian = startGuardian(instance, base);
  const containment = settings.containment === "none" ? UNCONTAINED : await findContainment(base);
  const hurry = new AbortController();
  const scan = createJsonScanner(MAX_JSON_DEPTH);
  const starter = createStarter({
    admission: createAdmission(settings.limits.concurrentStarts),
    host: {
      instance,
      baseEnvironment: base,
      workspaces,
      strays,
      processes: createProcessTable(),
      guardian,
      containment,
      hurry: hurry.signal,
      log,
    },
    log,
  });
  const eras = createEraMemory();
  const pool = createPool({ maxChildren: settings.limits.pooledChildren, starter, eras, scan, log });
  const stateless = createStateless({ pool, eras, maxParkedCalls: settings.limits.parkedCalls, log });
  const registry = createRegistry({
    maxSessions: settings.limits.sessions,
    starter,
    links: createLinkOpener({ starter, pool, eras, scan, log }),
    log,
  });
  const { host, port, basePath } = settings.listen;
  const app = createApp({
    version: VERSION,
    basePath,
    servers: settings.servers,
    guard: createGuard({
      secret: settings.secret,
      bindHost: host,
      allowedHosts: settings.allowedHosts,
      allowedOrigins: settings.corsOrigins,
      trustedProxies: settings.trustedProxies,
      rateLimit: settings.rateLimit,
      everyAnswer: KEEP_ALIVE_FIELDS,
    }),
    registry,
    stateless,
    readBody: createBodyReader({ maxBytes: settings.limits.requestBytes, deadlineMs: BODY_DEADLINE_MS }),
    scan,
    log,
  });

  const finish = async (status: number) => {
    if (app.server !== null) await app.stop(true);
    guardian?.close();
    stopReaping();
    await workspaces.close().catch(() => log.warn("the temporary directory could not be removed"));
    output.flush();
    return status;
  };

  if (settings.containment === "bubblewrap" && containment.kind === "none") {
    log.error("containment is bubblewrap, but bubblewrap is not there or cannot make a PID namespace here");
    return finish(1);
  }

  // Taken over before the first child can start, or a signal in between would leave it behind.
  const ended = untilEnded(settings, { registry, pool, stateless }, hurry, keepsHangup, log);
  try {
    app.listen({
      hostname: host,
      port,
      reusePort: false,
      development: false,
      idleTimeout: CONNECTION_IDLE_SECONDS,
      // Bodies are bounded where they are read, with an answer that says so.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    });
  } catch (error) {
    log.error({ host, port, code: codeOf(error) }, `cannot listen on ${host}:${port}`);
    return finish(1);
  }
  const { stalledWriteMs } = settings.serverDefaults.timeouts;
  if (stalledWriteMs > 0 && setUserTimeout(stalledWriteMs) === 0)
    log.debug("half-open connections are found by silence alone on this host");
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${app.server?.port ?? port}${basePath}`;
  log.info(
    { url, version: VERSION, pid: process.pid, servers: settings.servers.size, containment: containment.kind },
    "listening",
  );
  return finish(await ended);
}

/** What has children. */
interface Parts {
  readonly registry: Registry;
  readonly pool: Pool;
  readonly stateless: Stateless;
}

/** Waits for a signal, or for a failure that nobody handled, and ends all sessions; gives the exit status. */
function untilEnded(
  settings: Settings,
  parts: Parts,
  hurry: AbortController,
  keepsHangup: boolean,
  log: Logger,
): Promise<number> {
  const { registry, pool, stateless } = parts;
  const { promise, resolve } = Promise.withResolvers<number>();
  const { shutdownMs } = settings.timeouts;
  const { gracefulStopMs } = settings.serverDefaults.timeouts;

  const shutDown = async (status: number, waitMs: number) => {
    const started = performance.now();
    registry.drain();
    stateless.close();
    while (registry.inFlight() + pool.inFlight() > 0 && performance.now() - started < waitMs && !hurry.signal.aborted) {
      await Bun.sleep(DRAIN_POLL_MS);
    }
    const hurryTimer =
      shutdownMs === 0
        ? undefined
        : setTimeout(() => hurry.abort(), Math.max(0, shutdownMs - (performance.now() - started)));
    await Promise.all([registry.endAll("shutdown"), pool.endAll()]);
    clearTimeout(hurryTimer);
    log.info({ ms: Math.round(performance.now() - started) }, "stopped");
    resolve(status);
  };

  let ending = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (ending) {
      log.warn({ signal }, "second signal: ending everything now");
      hurry.abort();
      return;
    }
    ending = true;
    log.info({ signal, sessions: registry.size(), pooledChildren: pool.size() }, "draining");
    void shutDown(0, shutdownMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, shutdownMs - gracefulStopMs));
  };
  const onIdle = (signal: NodeJS.Signals) => log.debug({ signal }, "a signal that means nothing here");
  takeSignals({ onDrain: onSignal, onIdle }, keepsHangup);

  const onFailure = (error: unknown) => {
    log.error({ err: error }, "unexpected failure: ending");
    hurry.abort();
    if (!ending) void shutDown(1, 0);
    ending = true;
  };
  process.on("uncaughtException", onFailure);
  process.on("unhandledRejection", onFailure);
  return promise;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
