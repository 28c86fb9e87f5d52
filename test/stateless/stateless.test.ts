import { describe, expect, test } from "bun:test";
import type { Logger } from "../../src/base/logger.ts";
import { createEraMemory } from "../../src/link/eras.ts";
import type { CallerChildren } from "../../src/pool/caller-children.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { createStateless } from "../../src/stateless/stateless.ts";
import { createFakeSource, type FakeSource } from "../bridge/fake-source.ts";
import { scriptServer } from "../process/child-host.ts";
import { createFakeRound, type FakeRoundOptions } from "./fake-round.ts";

/** Stateless requests, served by made-up children. */
function make(fake: FakeSource = createFakeSource("legacy")) {
  const logged: { readonly failureId?: string; readonly err?: unknown }[] = [];
  const error = (fields: { readonly failureId?: string; readonly err?: unknown }): void => void logged.push(fields);
  const log: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error, isLevelEnabled: () => true };
  const children: CallerChildren = {
    pin: () => () => undefined,
    lease: ({ mode, signal }) => fake.source.lease(mode, signal),
    asksRoots: () => undefined,
    notifications: fake.notifications,
    subscriptions: {
      add: () => Promise.resolve({ kind: "ok" }),
      remove: () => undefined,
      join: () => Promise.resolve(),
      leave: () => undefined,
    },
    pooledChildren: () => [],
    dismiss: () => undefined,
    sweep: () => "empty",
    close: () => undefined,
  };
  const pool: Pool = { childrenOf: () => children, size: () => 0, inFlight: () => 0, endAll: () => Promise.resolve() };
  const stateless = createStateless({ pool, eras: createEraMemory(), maxParkedCalls: 0, log });
  const caller = { server: scriptServer(""), principal: { id: "p" }, variables: new Map<string, string>() };
  const serve = (options: FakeRoundOptions) => {
    const client = createFakeRound(options);
    const left = new AbortController();
    const served = stateless.serve({ ...caller, round: client.round, signal: left.signal });
    return { client, served, left };
  };
  return { fake, stateless, serve, caller, logged };
}

describe("a stateless request", () => {
  test("for what only other revisions have is refused before there is a child", async () => {
    const { fake, serve } = make();
    for (const method of ["initialize", "ping", "resources/subscribe", "roots/list"]) {
      const { client, served } = serve({ method });
      await served;
      expect(client.failure()).toMatchObject({ code: "method_not_found", message: expect.stringContaining(method) });
    }
    expect(fake.events).toEqual([]);
  });

  test("that discovers a server is answered from what its child has said", async () => {
    const { fake, serve } = make();
    const { client, served } = serve({ method: "server/discover" });
    await served;
    expect(client.result()).toMatchObject({ resultType: "complete", capabilities: { tools: {} } });
    expect([fake.events, fake.calls.length]).toEqual([["1 shared", "1 released"], 0]);
  });

  test.each(["legacy", "modern"] as const)(
    "is a call of its %s child, and cancelled when its client leaves",
    async (era) => {
      const { fake, serve } = make(createFakeSource(era));
      const { client, served, left } = serve({ method: "tools/list" });
      await served;
      (await fake.call(0)).answer({ result: { tools: [] } });
      expect(client.result()).toMatchObject({ tools: [] });
      left.abort();
      const second = serve({ method: "tools/list" });
      await second.served;
      second.left.abort();
      expect((await fake.call(1)).cancelled()).toBe("the client closed its stream");
      expect(fake.events.filter((event) => event.endsWith("released")).length).toBe(2);
    },
  );

  test("that brings a state which nobody gave is refused, and its child given back", async () => {
    const { fake, serve } = make();
    const { client, served } = serve({ method: "tools/list", params: { requestState: "made up" } });
    await served;
    expect(client.failure()?.code).toBe("request_state_refused");
    expect(fake.events).toEqual(["1 shared", "1 released"]);
  });

  test("that fails for a reason that nobody foresaw tells its client an id, under which the log has the cause", async () => {
    const cause = new TypeError("a detail");
    for (const method of ["tools/list", "server/discover", "subscriptions/listen"]) {
      const { fake, serve, logged } = make();
      fake.failNext("lease", cause);
      const { client, served } = serve({ method, params: { notifications: {} } });
      await served;
      expect(client.failure()?.code).toBe("internal_error");
      expect(logged).toEqual([expect.objectContaining({ err: cause, failureId: client.failure()?.data?.["id"] })]);
    }
  });
});

describe("a request of an older revision without a session", () => {
  test("that fails for a reason that nobody foresaw is told of and logged, too", async () => {
    const { fake, stateless, caller, logged } = make();
    fake.failNext("lease", new TypeError("a detail"));
    const { round, failure } = createFakeRound({ method: "tools/list" });
    const { line, rawId, method, sink, client } = round;
    const { signal } = new AbortController();
    await stateless.sessionless.serve({
      ...caller,
      line,
      rawId,
      id: "1",
      method,
      sink,
      client,
      signal,
      revision: "2025-06-18",
    });
    expect(failure()?.code).toBe("internal_error");
    expect(logged).toMatchObject([{ failureId: failure()?.data?.["id"] }]);
  });
});
