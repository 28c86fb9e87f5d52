import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessAnswer, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let one: TestProxy;
let two: TestProxy;
let four: TestProxy;
beforeAll(async () => {
  const entry = (name: string, policy: object = {}) => fixture(name, [], { clientEnv: ["SHAPE"], ...policy });
  const config = (pooledChildren: number) => ({
    containment: "none",
    mcpServers: {
      legacy: entry("era-legacy"),
      modern: entry("era-modern"),
      exits: entry("era-legacy-exits"),
      brief: entry("era-legacy", { timeouts: { warm: 0 } }),
      aged: entry("era-modern", { timeouts: { lifetime: "100ms" } }),
    },
    limits: { pooledChildren },
    timeouts: { gracefulStop: "300ms" },
  });
  [one, two, four] = (await Promise.all([1, 2, 4].map((count) => startProxy({ config: config(count) })))) as [
    TestProxy,
    TestProxy,
    TestProxy,
  ];
});
afterAll(async () => {
  await Promise.all([one, two, four].map((proxy) => proxy.stop()));
});

const tool = (name: string, args: object = {}, shape = "round"): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
  headers: { ENV_SHAPE: shape },
});
const slow = (tag: string, shape: string): StatelessCall => tool("slow", { ms: 60_000, tag }, shape);
const shapeOf = (shape: string): StatelessCall => tool("env", { name: "SHAPE" }, shape);

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

const expectFull = ({ status, headers, answer }: StatelessAnswer): void => {
  expect(status).toBe(503);
  expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  expect(answer.error).toMatchObject({ code: -32000, data: { code: "pool_full" } });
};

const said = (proxy: TestProxy, text: string): Promise<unknown> =>
  proxy.log.until(text, (line) => line["stderr"] === text);

describe("limits.pooledChildren", () => {
  test("leaves a quarter to others: one caller's busy children take no more, another's still start", async () => {
    const alone = { capabilities: { elicitation: {} } };
    const busy = ["x", "y", "z"].map((tag) => openStateless(four, "legacy", { ...slow(tag, "square"), ...alone }));
    await Promise.all(["x", "y", "z"].map((tag) => said(four, `started ${tag}`)));
    expectFull(await callStateless(four, "legacy", { ...shapeOf("square"), ...alone }));
    expect(textOf(await callStateless(four, "legacy", { ...shapeOf("round"), ...alone }))).toBe("round");
    await Promise.all(busy.map((stream) => stream.close()));
  });

  test("reached by busy children: a new caller gets 503, those that are in keep theirs, and room is made when one is idle", async () => {
    await using a = openStateless(two, "legacy", slow("a", "square"));
    await using b = openStateless(two, "modern", slow("b", "square"));
    await Promise.all([said(two, "started a"), said(two, "started b")]);
    expectFull(await callStateless(two, "legacy", shapeOf("round")));
    expectFull(await callStateless(two, "modern", shapeOf("round")));
    expect(textOf(await callStateless(two, "legacy", shapeOf("square")))).toBe("square");
    await a.close();
    await said(two, "cancelled a");
    expect(textOf(await callStateless(two, "legacy", shapeOf("round")))).toBe("round");
    await b.close();
  });

  test("reached by idle ones: the one idle for longest makes room, one after the other", async () => {
    for (const shape of ["1", "2", "3", "4"]) {
      expect(textOf(await callStateless(one, "legacy", shapeOf(shape)))).toBe(shape);
      expect(textOf(await callStateless(one, "modern", shapeOf(shape)))).toBe(shape);
      await eventually("one child at a time", () => one.children().length <= 1);
    }
  });

  test("reached by a call that waits for input: others get 503 until it is answered", async () => {
    const call = { ...tool("ask", { kind: "roots" }), capabilities: { roots: {} } };
    const { answer } = await callStateless(one, "legacy", call);
    const requestState = answer.result?.["requestState"];
    expect(requestState).toBeString();
    expectFull(await callStateless(one, "legacy", shapeOf("other")));
    const inputResponses = { "roots-1": { roots: [] } };
    const params = { ...call.params, inputResponses, requestState };
    expect(textOf(await callStateless(one, "legacy", { ...call, params }))).toBe('{"roots":[]}');
    expect(textOf(await callStateless(one, "legacy", shapeOf("other")))).toBe("other");
  });

  test("reached by a subscription: others get 503 until it ends", async () => {
    const notifications = { toolsListChanged: true };
    for (const server of ["legacy", "modern"]) {
      await using stream = openStateless(one, server, {
        method: "subscriptions/listen",
        params: { notifications },
        headers: { ENV_SHAPE: "listener" },
      });
      expect((await stream.next()).method).toBe("notifications/subscriptions/acknowledged");
      expectFull(await callStateless(one, server, shapeOf("other")));
      await stream.close();
      const served = await eventually("room", async () => {
        const got = await callStateless(one, server, shapeOf("other"));
        return got.status === 200 ? got : undefined;
      });
      expect(textOf(served)).toBe("other");
    }
  });

  test("leaves room for the second child of a server whose first is lost", async () => {
    expect(textOf(await callStateless(one, "exits", shapeOf("lost")))).toBe("lost");
    await eventually("one child", () => one.children().length === 1);
  });

  test("is kept by a crowd: whoever is told to wait gets in at last, and there are never more children", async () => {
    let most = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        most = Math.max(most, two.children().length);
        await Bun.sleep(5);
      }
    })();
    const shapes = Array.from({ length: 12 }, (_, index) => `crowd-${index}`);
    const served = await Promise.all(
      shapes.map((shape) =>
        eventually(`a place for ${shape}`, async () => {
          const got = await callStateless(two, "legacy", shapeOf(shape));
          if (got.status === 200) return textOf(got);
          expectFull(got);
          return undefined;
        }),
      ),
    );
    isOver = true;
    await watching;
    expect(served).toEqual(shapes);
    expect(most).toBeLessThanOrEqual(2);
  });
});

describe("a pooled child", () => {
  test("that nobody uses is ended when timeouts.warm is 0", async () => {
    expect(textOf(await callStateless(two, "brief", shapeOf("x")))).toBe("x");
    await two.log.until("its end", (line) => line["server"] === "brief" && line["reason"] === "idle");
  });

  test("past its lifetime is not used for anything new, and ends when nobody uses it any more", async () => {
    await using stream = openStateless(one, "aged", slow("aged", "old"));
    await said(one, "started aged");
    // The place of the one child is taken for as long as the call lasts, whatever its age.
    await eventually("its age to be noticed", async () => {
      const got = await callStateless(one, "aged", shapeOf("old"));
      return got.status === 503;
    });
    await stream.close();
    await one.log.until("its end", (line) => line["server"] === "aged" && line["reason"] === "retired");
    await quiet(one);
  });
});
