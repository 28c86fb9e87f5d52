import { describe, expect, test } from "bun:test";
import { ProxyError } from "../../src/base/errors.ts";
import type { Server } from "../../src/process/server.ts";
import { type Evictable, takeWithRoom } from "../../src/session/eviction.ts";
import { scriptServer } from "../process/child-host.ts";

/** Sessions by name, with room for so many. */
function createSessions(limit: number, code: "session_limit" | "server_session_limit" = "session_limit") {
  const live = new Map<string, Evictable>();
  const ended: string[] = [];
  const add = (name: string, server: Server, idleSince: number | undefined) => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    live.set(name, {
      server,
      idleSince: () => idleSince,
      end: (reason) => {
        ended.push(`${name} ${reason}`);
        live.delete(name);
        resolve();
      },
      gone,
    });
  };
  const take = () => {
    if (live.size >= limit) throw new ProxyError(code);
    return "taken";
  };
  return { live, ended, add, take };
}

const LONG_AGO = -1_000_000;
const server = scriptServer("");
const other = scriptServer("", { name: "other" });

const refusal = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "taken",
    (error: unknown) => (error instanceof ProxyError ? error.code : error),
  );

describe("at a limit", () => {
  test("nobody ends as long as there is room", async () => {
    const { live, ended, add, take } = createSessions(2);
    add("idle", server, LONG_AGO);
    expect(await takeWithRoom(live, server, take)).toBe("taken");
    expect(ended).toEqual([]);
  });

  test("the session idle for longest makes room, whoever's it is, and none that is in use", async () => {
    const { live, ended, add, take } = createSessions(3);
    add("in use", server, undefined);
    add("idle", server, LONG_AGO + 1);
    add("idle for longest", other, LONG_AGO);
    expect(await takeWithRoom(live, server, take)).toBe("taken");
    expect(ended).toEqual(["idle for longest evicted"]);
  });

  test("of one server, one of that server makes room", async () => {
    const { live, ended, add, take } = createSessions(2, "server_session_limit");
    add("other's", other, LONG_AGO);
    add("its own", server, LONG_AGO + 1);
    expect(await takeWithRoom(live, server, take)).toBe("taken");
    expect(ended).toEqual(["its own evicted"]);
  });

  test("the newcomer is refused when all are in use, or what is refused is no limit", async () => {
    const { live, ended, add, take } = createSessions(1);
    add("in use", server, undefined);
    expect(await refusal(takeWithRoom(live, server, take))).toBe("session_limit");
    live.clear();
    add("idle", server, LONG_AGO);
    const drained = () => {
      throw new ProxyError("draining");
    };
    expect(await refusal(takeWithRoom(live, server, drained))).toBe("draining");
    expect(ended).toEqual([]);
  });

  test("one that was used a moment ago is left alone for that moment", async () => {
    const { live, ended, add, take } = createSessions(1);
    const since = performance.now();
    add("just used", server, since);
    await takeWithRoom(live, server, take);
    expect(performance.now()).toBeGreaterThanOrEqual(since + 1_000);
    expect(ended).toEqual(["just used evicted"]);
  });

  test("as many as come at once each get a place of their own", async () => {
    const { live, ended, add, take } = createSessions(2);
    add("a", server, LONG_AGO);
    add("b", server, LONG_AGO + 1);
    const newcomer = (name: string) => () => {
      take();
      add(name, server, undefined);
    };
    await Promise.all([takeWithRoom(live, server, newcomer("c")), takeWithRoom(live, server, newcomer("d"))]);
    expect(ended).toEqual(["a evicted", "b evicted"]);
    expect([...live.keys()].sort()).toEqual(["c", "d"]);
  });
});
