import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { descriptorCount } from "../support/process-table.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessCall, type StatelessStream } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      containment: "none",
      mcpServers: {
        legacy: fixture("era-legacy"),
        modern: fixture("era-modern"),
        queue: fixture("era-legacy", ["queue"]),
        starting: shell('echo "a process starts" >&2; exec sleep 60'),
      },
      timeouts: { gracefulStop: "200ms", heartbeat: "50ms" },
    },
  });
});
afterAll(() => proxy.stop());

const slow = (tag: string, more: Partial<StatelessCall> = {}): StatelessCall => ({
  method: "tools/call",
  params: { name: "slow", arguments: { ms: 60_000, tag } },
  ...more,
});
const echo = (message: string): StatelessCall => ({
  method: "tools/call",
  params: { name: "echo", arguments: { message } },
});

const said = (text: string): Promise<unknown> => proxy.log.until(text, (line) => line["stderr"] === text);
const wasSaid = (text: string): boolean => proxy.log.lines.some((line) => line["stderr"] === text);

describe.each(["legacy", "modern"])("a client that closes its stream to a %s server", (server) => {
  test("cancels its call, and its call alone", async () => {
    await using kept = openStateless(proxy, server, slow(`${server} kept`));
    await using dropped = openStateless(proxy, server, slow(`${server} dropped`));
    await Promise.all([said(`started ${server} kept`), said(`started ${server} dropped`)]);
    await dropped.close();
    await said(`cancelled ${server} dropped`);
    expect((await callStateless(proxy, server, echo("on"))).status).toBe(200);
    expect(wasSaid(`cancelled ${server} kept`)).toBe(false);
    await kept.close();
    await said(`cancelled ${server} kept`);
  });

  test("cancels it before any byte of an answer, and after the event stream has begun", async () => {
    const lefts = () => proxy.log.lines.filter((line) => line["status"] === 499).length;
    const before = lefts();
    const abort = new AbortController();
    const early = callStateless(proxy, server, slow(`${server} early`, { signal: abort.signal }));
    await said(`started ${server} early`);
    abort.abort();
    await expect(early).rejects.toThrow();
    await said(`cancelled ${server} early`);
    await eventually("its line in the log", () => lefts() === before + 1);
    await using late = openStateless(proxy, server, slow(`${server} late`));
    await late.response;
    await eventually("a heartbeat", () => late.comments() > 1);
    await late.close();
    await said(`cancelled ${server} late`);
  });

  test("and has the child alone cancels its call; the child goes to nobody else", async () => {
    const meta = { "io.modelcontextprotocol/logLevel": "info" };
    const ended = () =>
      proxy.log.lines.filter((line) => line["reason"] === "retired" && line["server"] === server).length;
    const before = ended();
    await using alone = openStateless(proxy, server, slow(`${server} alone`, { meta }));
    await said(`started ${server} alone`);
    await alone.close();
    await eventually("the child's end", () => ended() === before + 1);
    await said(`cancelled ${server} alone`);
  });

  test("a hundred times leaves no connection behind", async () => {
    await callStateless(proxy, server, echo("warm"));
    const before = descriptorCount(proxy.pid);
    const tags = Array.from({ length: 100 }, (_, index) => `${server} ${index}`);
    const streams = tags.map((tag) => openStateless(proxy, server, slow(tag)));
    await Promise.all(tags.map((tag) => said(`started ${tag}`)));
    await Promise.all(streams.map((stream: StatelessStream) => stream.close()));
    await Promise.all(tags.map((tag) => said(`cancelled ${tag}`)));
    await eventually("its connections to be closed", () => descriptorCount(proxy.pid) <= before + 5);
  });
});

describe("a client that leaves while it waits", () => {
  test("for a child to start: the start goes on without anybody", async () => {
    const starts = () => proxy.log.lines.filter((line) => line["stderr"] === "a process starts").length;
    await using one = openStateless(proxy, "starting", echo("one"));
    await using other = openStateless(proxy, "starting", echo("other"));
    await said("a process starts");
    await one.close();
    await other.close();
    // A later caller's child is there by then: what would have been stopped for the leavers is not.
    expect((await callStateless(proxy, "modern", echo("on"))).status).toBe(200);
    expect(proxy.children().some(({ commandLine }) => commandLine.includes("sleep 60"))).toBe(true);
    expect(starts()).toBe(1);
  });

  test("in the queue for a child of its own: it is not called any more, the one behind it is", async () => {
    const capabilities = { elicitation: {} };
    const busy = Array.from({ length: 8 }, (_, index) =>
      openStateless(proxy, "queue", slow(`busy ${index}`, { capabilities })),
    );
    await Promise.all(busy.map((_, index) => said(`started busy ${index}`)));
    await using leaver = openStateless(proxy, "queue", slow("leaver", { capabilities }));
    // An event stream means that it waits: it has not been called.
    await leaver.response;
    await using next = openStateless(proxy, "queue", slow("next", { capabilities }));
    await next.response;
    await leaver.close();
    await busy[0]?.close();
    await said("started next");
    expect(wasSaid("started leaver")).toBe(false);
    await Promise.all(busy.map((stream) => stream.close()));
  });
});
