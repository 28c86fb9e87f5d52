import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ProxyError } from "../../src/base/errors.ts";
import { createLinkOpener } from "../../src/bridge/open-link.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import { createPool } from "../../src/pool/pool.ts";
import { type Admission, createAdmission } from "../../src/process/admission.ts";
import type { Server } from "../../src/process/server.ts";
import { createStarter } from "../../src/process/starter.ts";
import { LOCK_FILE } from "../../src/process/workspace.ts";
import { createRegistry, type Registry } from "../../src/session/registry.ts";
import type { Session } from "../../src/session/session.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createEventStreamOutput } from "../../src/transport/sse/output.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { createTestHost, scriptServer, type TestHost } from "../process/child-host.ts";
import { eventually, within } from "../support/eventually.ts";
import { processesWithEnvironment } from "../support/process-table.ts";

const OWNER = { id: "owner" };
const scan = createJsonScanner(64);
/** Answers each message with one of its own, until its stdin ends. */
const TALKS = 'while read -r line; do echo \'{"jsonrpc":"2.0","method":"heard"}\'; done';

let testHost: TestHost;
let registries: Registry[];
beforeEach(() => {
  testHost = createTestHost();
  registries = [];
});
afterEach(async () => {
  for (const registry of registries) await within("the end of all sessions", registry.endAll("shutdown"));
  expect(processesWithEnvironment(`MCP_SSE_PROXY_CHILD=${testHost.host.instance}`)).toEqual([]);
  const left = readdirSync(testHost.root).flatMap((own) => readdirSync(join(testHost.root, own)));
  expect(left.filter((name) => name !== LOCK_FILE)).toEqual([]);
  testHost.close();
});

function create(maxSessions = 0, admission: Admission = createAdmission(0)): Registry {
  const { host } = testHost;
  const starter = createStarter({ admission, host, log: host.log });
  const eras = createEraMemory();
  const pool = createPool({ maxChildren: 0, starter, eras, scan, log: host.log });
  const registry = createRegistry({
    maxSessions,
    starter,
    links: createLinkOpener({ starter, pool, eras, scan, log: host.log }),
    log: host.log,
  });
  registries.push(registry);
  return registry;
}

const noSignal = new AbortController().signal;

function open(
  registry: Registry,
  server: Server,
  { signal = noSignal, variables = {}, principal = OWNER }: OpenChanges = {},
): Promise<Session> {
  return registry.open({
    server,
    principal,
    client: "192.0.2.1",
    transport: "sse",
    variables: new Map(Object.entries(variables)),
    signal,
    createOutput: (id) => {
      const output = createEventStreamOutput({ heartbeatMs: 0, stalledWriteMs: 0, endpoint: id, return: undefined });
      output.connect();
      return output;
    },
  });
}

/** A child that has heard something of its client is nobody else's: it ends with its session. */
function sayAnything(session: Session | undefined): void {
  session?.receive(readClientMessage(Buffer.from('{"jsonrpc":"2.0","method":"x"}'), scan));
}

interface OpenChanges {
  readonly signal?: AbortSignal;
  readonly variables?: Readonly<Record<string, string>>;
  readonly principal?: { readonly id: string };
}

/** The code with which an open is refused. */
const refusal = (opening: Promise<Session>): Promise<unknown> =>
  within(
    "the refusal",
    opening.then(
      () => "opened",
      (error: unknown) => (error instanceof ProxyError ? error.code : error),
    ),
  );

describe("places", () => {
  test("are as many as sessions are allowed, and come back when the child is gone", async () => {
    const registry = create(2);
    const server = scriptServer(TALKS);
    const sessions = [await open(registry, server), await open(registry, server)];
    const error = await open(registry, server).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "session_limit", retryAfterSeconds: expect.any(Number) });
    sayAnything(sessions[0]);
    sessions[0]?.end("client-closed");
    // Its child may still run: what counts is the host's burden.
    expect(await refusal(open(registry, server))).toBe("session_limit");
    await within("the child's end", sessions[0]?.gone ?? Promise.reject(new Error("no session")));
    await eventually("the place", () => registry.size() === 1);
    await open(registry, server);
    expect(registry.count(server)).toBe(2);
  });

  test("of one server are its own", async () => {
    const registry = create();
    const server = scriptServer(TALKS, { limits: { sessionsPerServer: 1 } });
    const other = scriptServer(TALKS, { name: "other" });
    await open(registry, server);
    expect(await refusal(open(registry, server))).toBe("server_session_limit");
    await open(registry, other);
    expect([registry.count(server), registry.count(other), registry.size()]).toEqual([1, 1, 2]);
  });

  test("of starts without a client are for those who come, as many as are needed", async () => {
    const registry = create(3);
    const server = scriptServer(TALKS);
    for (const id of ["a", "b", "c"]) (await open(registry, server, { principal: { id } })).end("client-closed");
    expect(registry.size()).toBe(3);
    const [d, e] = [{ id: "d" }, { id: "e" }];
    await Promise.all([open(registry, server, { principal: d }), open(registry, server, { principal: e })]);
    expect(registry.size()).toBe(3);
  });

  test("come back when the child cannot be started", async () => {
    const registry = create(1);
    expect(await refusal(open(registry, scriptServer(TALKS, { program: undefined })))).toBe("child_start_failed");
    expect(await refusal(open(registry, scriptServer(TALKS, { program: "/nowhere" })))).toBe("child_start_failed");
    expect(registry.size()).toBe(0);
    await open(registry, scriptServer(TALKS));
  });
});

describe("a start", () => {
  test("whose turn does not come in time is refused, and takes no place", async () => {
    const registry = create(0, createAdmission(1));
    const server = scriptServer(TALKS, { timeouts: { startMs: 40 } });
    await open(registry, server);
    // The first keeps its turn until it says something.
    expect(await refusal(open(registry, server))).toBe("start_queue_full");
    expect(registry.count(server)).toBe(1);
  });

  test("ends its turn with the child's first message", async () => {
    const admission = createAdmission(1);
    const registry = create(0, admission);
    const server = scriptServer(TALKS);
    const first = await open(registry, server);
    const second = open(registry, server);
    await eventually("the queue", () => admission.waiting() === 1);
    sayAnything(first);
    await within("the second session", second);
  });

  test("ends its turn with its session", async () => {
    const registry = create(0, createAdmission(1));
    const server = scriptServer(TALKS);
    const first = await open(registry, server);
    const second = open(registry, server);
    first.end("client-closed");
    await within("the second session", second);
  });

  test("that nobody waits for any more is cancelled in the queue", async () => {
    const admission = createAdmission(1);
    const registry = create(0, admission);
    const server = scriptServer(TALKS);
    await open(registry, server);
    const leaver = new AbortController();
    const opening = open(registry, server, { signal: leaver.signal });
    await eventually("the queue", () => admission.waiting() === 1);
    leaver.abort();
    expect(await refusal(opening)).toBe("client_left");
    expect(admission.waiting()).toBe(0);
    expect(registry.size()).toBe(1);
  });
});

describe("a shutdown", () => {
  test("refuses new sessions, cancels those that wait, and ends when no child is left", async () => {
    const admission = createAdmission(1);
    const registry = create(0, admission);
    const server = scriptServer(TALKS);
    const session = await open(registry, server);
    const waiting = open(registry, server);
    await eventually("the queue", () => admission.waiting() === 1);
    registry.drain();
    expect(await refusal(waiting)).toBe("draining");
    expect(await refusal(open(registry, server))).toBe("draining");
    expect(registry.find(session.id, server, OWNER, "sse")).toBe(session);
    await within("the end", registry.endAll("shutdown"));
    expect(registry.size()).toBe(0);
    expect(processesWithEnvironment(`MCP_SSE_PROXY_CHILD=${testHost.host.instance}`)).toEqual([]);
  });

  test("waits for a start that is under way", async () => {
    const registry = create();
    const opening = refusal(open(registry, scriptServer(TALKS)));
    await within("the end", registry.endAll("shutdown"));
    expect(await opening).toBe("draining");
    expect(registry.size()).toBe(0);
  });

  test("counts what is owed", async () => {
    const registry = create();
    const session = await open(registry, scriptServer("cat >/dev/null"));
    session.receive(readClientMessage(Buffer.from('{"jsonrpc":"2.0","id":1,"method":"x"}'), scan));
    expect(registry.inFlight()).toBe(1);
  });
});

test("a session is found by its owner, on its server and transport, while it lasts", async () => {
  const registry = create();
  const server = scriptServer(TALKS);
  const session = await open(registry, server);
  expect(registry.find(session.id, server, { id: OWNER.id }, "sse")).toBe(session);
  expect(registry.find(session.id, scriptServer(TALKS), OWNER, "sse")).toBeUndefined();
  expect(registry.find(session.id, server, { id: "other" }, "sse")).toBeUndefined();
  expect(registry.find(session.id, server, OWNER, "streamable-http")).toBeUndefined();
  expect(registry.find(session.name, server, OWNER, "sse")).toBeUndefined();
  expect(registry.find("constructor", server, OWNER, "sse")).toBeUndefined();
  expect(session.id).toMatch(/^[\w-]{32}$/);
  session.end("client-closed");
  expect(registry.find(session.id, server, OWNER, "sse")).toBeUndefined();
});

test("three crashes before the first answer give this caller, with these variables, a rest, and nobody else", async () => {
  const registry = create();
  const server = scriptServer("exit 1");
  const variables = { TOKEN: "wrong-token" };
  for (let i = 0; i < 3; i++) {
    const session = await open(registry, server, { variables });
    await within("the crash", session.gone);
  }
  const error = await open(registry, server, { variables }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "crash_loop" });
  expect((error as ProxyError).retryAfterSeconds).toBeGreaterThan(50);
  await open(registry, server, { variables: { TOKEN: "right-token" } });
  await open(registry, server, { variables, principal: { id: "other" } });
  await open(registry, scriptServer(TALKS, { name: "other" }), { variables });
});
