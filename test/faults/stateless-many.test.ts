import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, type StatelessAnswer } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const CLIENTS = 50;
const CALLS = 40;

let proxy: TestProxy;
beforeAll(async () => {
  // What is known of one command line holds for all servers that have it: an argument makes each another one.
  const entry = (era: string, use: string) => fixture(`era-${era}`, [use], { clientEnv: ["SHAPE"] });
  const uses = ["crowd", "burst", "apart", "asked"];
  const servers = (era: string) => uses.map((use) => [`${era} ${use}`, entry(era, use)] as const);
  const mcpServers = Object.fromEntries([...servers("legacy"), ...servers("modern")]);
  proxy = await startProxy({ config: { mcpServers } });
});
afterAll(() => proxy.stop());

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

const tool = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args } });

/** How many children of a server were ever started. */
const starts = (server: string): number =>
  proxy.log.lines.filter((line) => line["msg"] === "pooled child started" && line["server"] === server).length;

describe.each(["legacy", "modern"])("many stateless requests to a %s server", (era) => {
  test("of one caller start one child, and each answer carries what its own request sent, whatever their ids", async () => {
    const server = `${era} crowd`;
    const client = async (number: number): Promise<readonly string[]> => {
      const wrong: string[] = [];
      for (let call = 0; call < CALLS; call++) {
        const message = `${number}/${call}`;
        // All clients count their ids alike, as they do who know nothing of one another.
        const got = await callStateless(proxy, server, { ...tool("echo", { message }), id: call });
        if (textOf(got) !== message || got.answer.id !== call) wrong.push(`${message}: ${JSON.stringify(got.answer)}`);
      }
      return wrong;
    };
    const wrong = await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
    expect(wrong.flat()).toEqual([]);
    expect(starts(server)).toBe(1);
  });

  test("at once, before anything is known of the server, wait for one start", async () => {
    const server = `${era} burst`;
    const eras = await Promise.all(
      Array.from({ length: CLIENTS }, async () => textOf(await callStateless(proxy, server, tool("era", {})))),
    );
    expect(new Set(eras)).toEqual(new Set([era]));
    expect(starts(server)).toBe(1);
  });

  test("with 20 different client variables start 20 children, and none sees another's variable", async () => {
    const server = `${era} apart`;
    const shapes = Array.from({ length: 200 }, (_, index) => `shape-${index % 20}`);
    const seen = await Promise.all(
      shapes.map(async (shape) => {
        const look = tool("env", { name: "SHAPE" });
        return textOf(await callStateless(proxy, server, { ...look, headers: { ENV_SHAPE: shape } }));
      }),
    );
    expect(seen).toEqual(shapes);
    expect(starts(server)).toBe(20);
  });
});

test("clients that could be asked for something share the child of a modern server, known or not", async () => {
  const capabilities = { elicitation: {} };
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, () => callStateless(proxy, "modern asked", { ...tool("era", {}), capabilities })),
  );
  expect(new Set(answers.map(textOf))).toEqual(new Set(["modern"]));
  expect(starts("modern asked")).toBe(1);
});

test("clients that a legacy server could ask have children of their own, at most eight at a time", async () => {
  const capabilities = { elicitation: {} };
  const answers = await Promise.all(
    Array.from({ length: CLIENTS }, () =>
      callStateless(proxy, "legacy asked", { ...tool("slow", { ms: 20 }), capabilities }),
    ),
  );
  expect(answers.map(textOf)).toEqual(Array.from({ length: CLIENTS }, () => "done slow"));
  expect(starts("legacy asked")).toBeLessThanOrEqual(8);
});
