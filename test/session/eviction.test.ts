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
    if (live.size + starts.length >= limit) throw new ProxyError(code);
    return "taken";
  };
  const starts: { readonly name: string; readonly of: Server }[] = [];
  const endOldestStart = (of: Server | undefined) => {
    const oldest = starts.findIndex((start) => of === undefined || start.of === of);
    if (oldest === -1) return undefined;
    for (const { name } of starts.splice(oldest, 1)) ended.push(`start ${name}`);
    return Promise.resolve();
  };
  return { live, starts, ended, add, take, room: { sessions: live, endOldestStart } };
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
    const { room, ended, add, take } = createSessions(2);
    add("idle", server, LONG_AGO);
    expect(await takeWithRoom(room, server, take)).toBe("taken");
    expect(ended).toEqual([]);
  });

  test("the session idle for longest makes room, whoever's it is, and none that is in use", async () => {
    const { room, ended, add, take } = createSessions(3);
    add("in use", server, undefined);
    add("idle", server, LONG_AGO + 1);
    add("idle for longest", other, LONG_AGO);
    expect(await takeWithRoom(room, server, take)).toBe("taken");
    expect(ended).toEqual(["idle for longest evicted"]);
  });

  test("of one server, one of that server makes room", async () => {
    const { room, ended, add, take } = createSessions(2, "server_session_limit");
    add("other's", other, LONG_AGO);
    add("its own", server, LONG_AGO + 1);
    expect(await takeWithRoom(room, server, take)).toBe("taken");
    expect(ended).toEqual(["its own evicted"]);
  });

  test("a start without a client makes room where no session can, the oldest of all or of the server", async () => {
    const { room, starts, ended, add, take } = createSessions(3);
    starts.push({ name: "older", of: other }, { name: "younger", of: server });
    add("idle", server, LONG_AGO);
    await takeWithRoom(room, server, take);
    add("in use", server, undefined);
    await takeWithRoom(room, server, take);
    expect(ended).toEqual(["idle evicted", "start older"]);
    const own = createSessions(2, "server_session_limit");
    own.starts.push({ name: "another server's", of: other }, { name: "its own", of: server });
    await takeWithRoom(own.room, server, own.take);
    expect(own.ended).toEqual(["start its own"]);
  });

  test("the newcomer is refused when all are in use, or what is refused is no limit", async () => {
    const { live, room, ended, add, take } = createSessions(1);
    add("in use", server, undefined);
    expect(await refusal(takeWithRoom(room, server, take))).toBe("session_limit");
    live.clear();
    add("idle", server, LONG_AGO);
    const drained = () => {
      throw new ProxyError("draining");
    };
    expect(await refusal(takeWithRoom(room, server, drained))).toBe("draining");
    expect(ended).toEqual([]);
  });

  test("one that was used a moment ago is left alone for that moment", async () => {
    const { room, ended, add, take } = createSessions(1);
    const since = performance.now();
    add("just used", server, since);
    await takeWithRoom(room, server, take);
    expect(performance.now()).toBeGreaterThanOrEqual(since + 1_000);
    expect(ended).toEqual(["just used evicted"]);
  });

  test("as many as come at once each get a place of their own", async () => {
    const { live, room, ended, add, take } = createSessions(2);
    add("a", server, LONG_AGO);
    add("b", server, LONG_AGO + 1);
    const newcomer = (name: string) => () => {
      take();
      add(name, server, undefined);
    };
    await Promise.all([takeWithRoom(room, server, newcomer("c")), takeWithRoom(room, server, newcomer("d"))]);
    expect(ended).toEqual(["a evicted", "b evicted"]);
    expect([...live.keys()].sort()).toEqual(["c", "d"]);
  });
});
