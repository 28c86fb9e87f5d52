import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, type ServerEntry } from "../support/server-entry.ts";
import { callStateless, type StatelessAnswer, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-era-"));
let proxy: TestProxy;

const boot = async (mcpServers: Readonly<Record<string, ServerEntry>>, limits: object = {}): Promise<void> => {
  proxy = await startProxy({ config: { mcpServers, limits, timeouts: { gracefulStop: "300ms" } } });
};
afterEach(() => proxy.stop());
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** The fixture, saying on stderr that it starts: processes that were lost to finding out the era count, too. */
const counted = (name: string, timeouts: object = {}, env: object = {}): ServerEntry => {
  const { command, args } = fixture(name);
  const script = 'echo "a process starts" >&2; exec "$0" "$@"';
  return { command: "/bin/sh", args: ["-c", script, command, ...args], clientEnv: ["SHAPE"], env, timeouts };
};

const processes = (server: string): number =>
  proxy.log.lines.filter((line) => line["server"] === server && line["stderr"] === "a process starts").length;

const tool = (name: string, args: object = {}): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
});

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

const callers = (server: string): Promise<readonly string[]> =>
  Promise.all(
    ["a", "b", "c"].map(async (shape) =>
      textOf(await callStateless(proxy, server, { ...tool("era"), headers: { ENV_SHAPE: shape } })),
    ),
  );

describe.each([
  ["answers as a server without that method", "era-legacy", "legacy", 1],
  ["answers with an empty result", "era-legacy-eager", "legacy", 1],
  ["says nothing before initialize", "era-legacy-silent", "legacy", 1],
  ["exits", "era-legacy-exits", "legacy", 2],
  ["answers, and takes an initialize as well", "era-dual", "modern", 1],
  ["answers as a modern server", "era-modern", "modern", 1],
] as const)("a server that, asked for its era, %s,", (_, name, era, started) => {
  beforeAll(() => boot({ server: counted(name, { probe: "150ms" }) }));

  test(`is served at the cost of ${started === 1 ? "no process" : "one process"}, and is asked only once`, async () => {
    expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe(era);
    expect(processes("server")).toBe(started);
    // Children of other callers profit from what is known.
    expect(await callers("server")).toEqual([era, era, era]);
    expect(processes("server")).toBe(started + 3);
  });
});

test("a server that, asked for its era, falls silent for good fails its first start, and is served from the next one on", async () => {
  await boot({ server: counted("era-legacy-stuck", { probe: "150ms", start: "4s" }) });
  const { answer } = await callStateless(proxy, "server", tool("era"));
  expect(answer.error?.data).toMatchObject({ code: "start_timeout" });
  expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe("legacy");
  expect(processes("server")).toBe(2);
});

describe("timeouts.probe 0", () => {
  test.each(["era-legacy", "era-legacy-exits", "era-legacy-silent", "era-legacy-stuck", "era-dual"])(
    "%s is initialised at once, by one process, however many ask",
    async (name) => {
      await boot({ server: counted(name, { probe: 0 }) });
      const texts = await Promise.all(
        Array.from({ length: 10 }, async () => textOf(await callStateless(proxy, "server", tool("era")))),
      );
      expect(new Set(texts)).toEqual(new Set(["legacy"]));
      expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe("legacy");
      expect(processes("server")).toBe(1);
    },
  );

  test("a server of revision 2026-07-28 alone proves it by its refusal, and is served by the process that refused", async () => {
    await boot({ server: counted("era-modern", { probe: 0 }) });
    expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe("modern");
    expect(processes("server")).toBe(1);
  });
});

describe("a server that is not what it was", () => {
  test("a modern one that stops answering is given up in bounded time, and once it answers again it is served", async () => {
    const file = join(place, "silent");
    const timeouts = { probe: "150ms", start: "4s", warm: 0 };
    await boot({ server: counted("era-modern-silent", timeouts, { DISCOVER_ONCE: file }) });
    expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe("modern");
    const other = { ...tool("era"), headers: { ENV_SHAPE: "other" } };
    const { answer } = await callStateless(proxy, "server", other);
    expect(answer.error?.data).toMatchObject({ code: "start_timeout" });
    rmSync(file);
    expect(textOf(await callStateless(proxy, "server", other))).toBe("modern");
  });

  test("one that became modern is served as such, though its children were legacy before", async () => {
    const flag = join(place, "turned");
    const legacy = fixture("era-legacy");
    const modern = fixture("era-modern");
    const script = `if [ -e '${flag}' ]; then exec "$0" "$2"; else exec "$0" "$1"; fi`;
    const args = ["-c", script, legacy.command, ...legacy.args, ...modern.args];
    await boot({ server: { command: "/bin/sh", args, clientEnv: ["SHAPE"], timeouts: { probe: "2s" } } });
    expect(textOf(await callStateless(proxy, "server", tool("era")))).toBe("legacy");
    await Bun.write(flag, "");
    const other = { ...tool("era"), headers: { ENV_SHAPE: "other" } };
    expect(textOf(await callStateless(proxy, "server", other))).toBe("modern");
    // The child from before lives on, and whoever has it may as well be served by a new one.
    expect(["legacy", "modern"]).toContain(textOf(await callStateless(proxy, "server", tool("era"))));
  });

  test("one that was modern and became legacy is served as such, by the process that was asked", async () => {
    const flag = join(place, "turned back");
    const legacy = fixture("era-legacy");
    const modern = fixture("era-modern");
    const script = `if [ -e '${flag}' ]; then exec "$0" "$1"; else exec "$0" "$2"; fi`;
    const args = ["-c", script, legacy.command, ...legacy.args, ...modern.args];
    await boot({ server: { command: "/bin/sh", args, clientEnv: ["SHAPE"], timeouts: { probe: "200ms" } } });
    const asking = { capabilities: { elicitation: {} } };
    expect(textOf(await callStateless(proxy, "server", { ...tool("era"), ...asking }))).toBe("modern");
    await Bun.write(flag, "");
    const other = { ...tool("ask", { kind: "elicitation", message: "?" }), ...asking, headers: { ENV_SHAPE: "other" } };
    const asked = await callStateless(proxy, "server", other);
    expect(asked.answer.result).toMatchObject({ resultType: "input_required" });
    const { inputRequests, requestState } = asked.answer.result ?? {};
    const inputResponses = Object.fromEntries(Object.keys(inputRequests as object).map((key) => [key, { said: 1 }]));
    const params = { ...other.params, inputResponses, requestState };
    expect(textOf(await callStateless(proxy, "server", { ...other, params }))).toBe('{"said":1}');
  });
});
