import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessAnswer, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  const entry = (name: string) => fixture(name, [], { clientEnv: ["SHAPE"] });
  proxy = await startProxy({
    config: {
      containment: "none",
      mcpServers: {
        legacy: entry("era-legacy"),
        modern: entry("era-modern"),
        "exits at once": entry("exits-at-once"),
        "reads nothing": entry("reads-nothing-and-exits"),
        "closes stdout": entry("closes-stdout"),
        "closes stdin": entry("closes-stdin"),
      },
      timeouts: { gracefulStop: "300ms", probe: "200ms", start: "4s" },
    },
  });
});
afterAll(() => proxy.stop());

const tool = (name: string, args: object, shape: string): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
  headers: { ENV_SHAPE: shape },
});

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

const said = (text: string): Promise<unknown> => proxy.log.until(text, (line) => line["stderr"] === text);
const times = (text: string): number => proxy.log.lines.filter((line) => line["stderr"] === text).length;

describe.each(["legacy", "modern"])("a %s child that ends by itself", (server) => {
  test("answers its caller and all others on it with the exit code, and runs none of their calls again", async () => {
    const shape = "shared";
    const tags = ["a", "b", "c"].map((tag) => `${server} ${tag}`);
    const others = tags.map((tag) => callStateless(proxy, server, tool("slow", { ms: 60_000, tag }, shape)));
    await Promise.all(tags.map((tag) => said(`started ${tag}`)));
    const { status, answer } = await callStateless(proxy, server, tool("crash", {}, shape));
    expect(status).toBe(502);
    expect(answer.error).toMatchObject({ code: -32000, data: { code: "child_exited", exitCode: 3 } });
    for (const other of await Promise.all(others)) {
      expect(other.answer.error).toMatchObject({ code: -32000, data: { code: "child_exited", exitCode: 3 } });
    }
    expect(textOf(await callStateless(proxy, server, tool("echo", { message: "on" }, shape)))).toBe("on");
    for (const tag of tags) expect(times(`started ${tag}`)).toBe(1);
  });

  test("for the third time in a minute is given a rest, for this caller alone", async () => {
    for (let crash = 1; crash <= 3; crash++) {
      const { answer } = await callStateless(proxy, server, tool("crash", {}, "looping"));
      expect(answer.error?.data).toMatchObject({ code: "child_exited" });
    }
    const { status, headers, answer } = await callStateless(proxy, server, tool("echo", {}, "looping"));
    expect(status).toBe(503);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect(answer.error).toMatchObject({ code: -32000, data: { code: "crash_loop" } });
    expect(textOf(await callStateless(proxy, server, tool("echo", { message: "on" }, "other")))).toBe("on");
  });

  test("by a signal says so, and takes its subscriptions along", async () => {
    const shape = "doomed";
    const call = callStateless(proxy, server, tool("slow", { ms: 60_000, tag: `${server} killed` }, shape));
    await using stream = openStateless(proxy, server, {
      method: "subscriptions/listen",
      params: { notifications: { toolsListChanged: true, resourceSubscriptions: ["fixture:///note"] } },
      headers: { ENV_SHAPE: shape },
    });
    await stream.next();
    await said(`started ${server} killed`);
    const started = proxy.log.lines.findLast(
      (line) => line["msg"] === "pooled child started" && line["server"] === server,
    );
    process.kill(Number(started?.["pid"]), "SIGKILL");
    expect((await call).answer.error?.data).toMatchObject({ code: "child_exited", signal: "SIGKILL" });
    // Without a result: the client is to listen anew.
    await stream.ended.catch(() => {});
    expect(stream.messages().length).toBe(1);
  });
});

describe("a server that is never of use", () => {
  test.each([
    ["exits at once", ["child_exited"]],
    ["reads nothing", ["child_exited"]],
    ["closes stdout", ["child_exited"]],
    // What was written before it closed its end is lost without a sign.
    ["closes stdin", ["child_exited", "start_timeout"]],
  ])("%s: each call is answered, and soon with a time to come back", async (server, codes) => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { answer } = await callStateless(proxy, server, tool("echo", {}, "round"));
      expect(codes).toContain(String(answer.error?.data?.["code"]));
    }
    const { answer, headers } = await callStateless(proxy, server, tool("echo", {}, "round"));
    expect(answer.error?.data).toMatchObject({ code: "crash_loop" });
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("leaves nothing behind", async () => {
    const names = ["exits-at-once", "reads-nothing", "closes-std"];
    const left = () => proxy.children().filter(({ commandLine }) => names.some((name) => commandLine.includes(name)));
    await eventually("the end of all of them", () => left().length === 0);
  });
});
