import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { callStateless, openStateless, type StatelessAnswer, type StatelessCall } from "../support/stateless.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      // The process of the log is then the server itself, and not what contains it.
      containment: "none",
      mcpServers: {
        killed: fixture("era-legacy", ["killed"]),
        forgotten: fixture("era-legacy", ["forgotten"], { timeouts: { parked: "250ms" } }),
        hurried: fixture("era-legacy", ["hurried"], { timeouts: { request: "2s" } }),
        left: fixture("era/scripted", ["legacy", "", "left"]),
        crowded: fixture("era-legacy", ["crowded"]),
        scripted: fixture("era/scripted", ["legacy", ""], { timeouts: { request: "2s" } }),
        "works-on": fixture("works-on"),
        greeting: fixture("era/scripted", ["legacy", '{"jsonrpc":"2.0","id":7,"method":"roots/list"}']),
      },
      limits: { parkedCalls: 8 },
      timeouts: { gracefulStop: "300ms" },
    },
  });
});
afterAll(() => proxy.stop());

const CAPABILITIES = { elicitation: {}, sampling: {}, roots: {} };

const tool = (name: string, args: object = {}): StatelessCall => ({
  method: "tools/call",
  params: { name, arguments: args },
  capabilities: CAPABILITIES,
});
const ask = (message: string, times = 1): StatelessCall => tool("ask", { kind: "elicitation", message, times });

const textOf = ({ answer }: StatelessAnswer): string => {
  const content = (answer.result?.["content"] ?? []) as readonly { readonly text: string }[];
  return content[0]?.text ?? JSON.stringify(answer);
};

/** The retry that answers every question with what it is given. */
const retry = (
  call: StatelessCall,
  { answer }: StatelessAnswer,
  said: object = { action: "accept" },
): StatelessCall => {
  const { inputRequests = {}, requestState } = answer.result ?? {};
  const inputResponses = Object.fromEntries(Object.keys(inputRequests as object).map((key) => [key, said]));
  return { ...call, params: { ...call.params, inputResponses, requestState } };
};

const park = async (server: string, call: StatelessCall): Promise<StatelessAnswer> => {
  const asked = await callStateless(proxy, server, call);
  if (typeof asked.answer.result?.["requestState"] !== "string") throw new Error(JSON.stringify(asked.answer));
  return asked;
};

/** Processes of a server's children, in the order in which they were started. */
const pids = (server: string): readonly number[] =>
  proxy.log.lines
    .filter((line) => line["msg"] === "pooled child started" && line["server"] === server)
    .map((line) => Number(line["pid"]));

describe("a call that waits for input", () => {
  test("gets the child's end for an answer when the child is killed meanwhile, and the next call gets a new child", async () => {
    const call = ask("?");
    const asked = await park("killed", call);
    const other = await park("killed", ask("??"));
    expect(pids("killed").length).toBe(2);
    for (const pid of pids("killed")) process.kill(pid, "SIGKILL");
    await quiet(proxy);
    for (const [parked, first] of [[asked, call] as const, [other, ask("??")] as const]) {
      const { status, answer } = await callStateless(proxy, "killed", retry(first, parked));
      expect(status).toBe(502);
      expect(answer.error).toMatchObject({ code: -32000, data: { code: "child_exited", signal: "SIGKILL" } });
    }
    const again = await park("killed", call);
    expect(textOf(await callStateless(proxy, "killed", retry(call, again)))).toBe('{"action":"accept"}');
    expect(pids("killed").length).toBe(3);
  });

  test("of a client that never comes back is cancelled, its child ended, and its state is worth nothing", async () => {
    const call = ask("?");
    const asked = await park("forgotten", call);
    await proxy.log.until("the cancellation", (line) => line["stderr"] === "cancelled ask");
    const [pid = Number.NaN] = pids("forgotten");
    await proxy.log.until("the child's end", (line) => line["msg"] === "pooled child ended" && line["pid"] === pid);
    await eventually("the end of the process", () => !proxy.children().some((child) => child.pid === pid));
    const { status, answer } = await callStateless(proxy, "forgotten", retry(call, asked));
    expect(status).toBe(400);
    expect(answer.error).toMatchObject({ code: -32602, data: { code: "request_state_refused" } });
  });

  test("is not timed while its client is away, but is again when it has come back", async () => {
    const call = ask("?", 2);
    const first = await park("hurried", call);
    // Longer than timeouts.request.
    const other = await callStateless(proxy, "hurried", tool("slow", { ms: 3_600_000 }));
    expect(other.answer.error).toMatchObject({ code: -32001, data: { code: "child_timeout" } });
    const second = await callStateless(proxy, "hurried", retry(call, first));
    expect(second.answer.result).toMatchObject({ resultType: "input_required" });
    expect(textOf(await callStateless(proxy, "hurried", retry(call, second)))).toBe(
      '[{"action":"accept"},{"action":"accept"}]',
    );
    const slow = await callStateless(proxy, "hurried", tool("slow", { ms: 3_600_000 }));
    expect(slow.answer.error).toMatchObject({ code: -32001, data: { code: "child_timeout" } });
  });

  test("is cancelled when its client comes back and then leaves", async () => {
    const question = '{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{"message":"?"}}';
    const call = tool("say", { lines: [question], held: true });
    const asked = await park("left", call);
    await using again = openStateless(proxy, "left", retry(call, asked));
    // The child does not answer, so an event stream comes.
    await again.response;
    await again.close();
    const [pid] = pids("left");
    await proxy.log.until("the child's end", (line) => line["msg"] === "pooled child ended" && line["pid"] === pid);
  });

  test("beyond its caller's half of limits.parkedCalls is ended, with nothing that invites to run it again", async () => {
    const calls = await Promise.all(Array.from({ length: 4 }, () => park("crowded", ask("?"))));
    const { status, headers, answer } = await callStateless(proxy, "crowded", ask("one too many"));
    expect(status).toBe(503);
    expect(headers.get("retry-after")).toBeNull();
    expect(answer.error).toMatchObject({ code: -32000, data: { code: "parked_limit" } });
    await proxy.log.until(
      "the cancellation",
      (line) => line["server"] === "crowded" && line["stderr"] === "cancelled ask",
    );
    const answered = await Promise.all(calls.map((asked) => callStateless(proxy, "crowded", retry(ask("?"), asked))));
    expect(answered.map(textOf)).toEqual(Array.from({ length: 4 }, () => '{"action":"accept"}'));
    expect(textOf(await callStateless(proxy, "crowded", tool("echo", { message: "on" })))).toBe("on");
  });
});

describe("what a server asks", () => {
  const question = (id: number): string =>
    `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":{"message":"${id}"}}`;
  const received = async (): Promise<readonly string[]> => {
    const { answer } = await callStateless(proxy, "scripted", tool("received"));
    return (answer.result?.["received"] ?? []) as readonly string[];
  };

  test("at once is asked in one round; what the client leaves out is asked again, what nobody asked is passed over", async () => {
    const call = tool("say", { lines: [question(101), question(102)], held: true });
    const first = await park("scripted", call);
    const keys = Object.keys(first.answer.result?.["inputRequests"] as object);
    expect(keys.length).toBe(2);
    const [known = "", missing = ""] = keys;
    const { requestState } = first.answer.result ?? {};
    // A name that must not end up as anything's prototype, and one that nobody knows.
    const inputResponses = {
      [known]: { said: 1 },
      ["__proto__"]: { polluted: true },
      constructor: {},
      other: { x: 1 },
    };
    const second = await callStateless(proxy, "scripted", {
      ...call,
      params: { ...call.params, inputResponses, requestState },
    });
    expect(Object.keys(second.answer.result?.["inputRequests"] as object)).toEqual([missing]);
    await using last = openStateless(proxy, "scripted", retry(call, second, { said: 2 }));
    const { error } = await last.next();
    expect(error?.data).toMatchObject({ code: "child_timeout" });
  });

  test("and takes back leaves its call as it was, with its time running", async () => {
    const withdrawn = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":301}}';
    const call = tool("say", { lines: [question(301), withdrawn], held: true });
    const { answer } = await callStateless(proxy, "scripted", call);
    expect(answer.error?.data).toMatchObject({ code: "child_timeout" });
  });

  test("of a client that gave up on it is not asked of the next one: a child that still works is not given away", async () => {
    const before = pids("scripted").length;
    const late = await callStateless(proxy, "scripted", tool("say", { held: true }));
    expect(late.answer.error?.data).toMatchObject({ code: "child_timeout" });
    expect((await received()).some((line) => line.includes('"held":true'))).toBe(false);
    expect(pids("scripted").length).toBeGreaterThan(before);
  });

  test("before anything else is asked of the client before its call reaches the server, and of each client anew", async () => {
    const call = tool("received");
    for (const name of ["a", "b"]) {
      const asked = await park("greeting", call);
      expect(asked.answer.result?.["inputRequests"]).toEqual({ "roots-1": { method: "roots/list", params: {} } });
      const roots = { roots: [{ uri: `file:///${name}` }] };
      const { answer } = await callStateless(proxy, "greeting", retry(call, asked, roots));
      const lines = (answer.result?.["received"] ?? []) as readonly string[];
      expect(lines).toContain(`{"jsonrpc":"2.0","id":7,"result":${JSON.stringify(roots)}}`);
      expect(lines.filter((line) => line.includes("file:///")).length).toBe(1);
    }
    expect(pids("greeting").length).toBe(2);
  });
});

describe("what a server reports while its client is away to answer", () => {
  const work = (name: string, steps: number, wait: boolean): StatelessCall => ({
    ...tool("work", { steps, wait }),
    meta: { progressToken: name },
  });
  const parkAndWork = async (call: StatelessCall): Promise<StatelessAnswer> => {
    const from = proxy.log.lines.length;
    const asked = await park("works-on", call);
    await eventually("the work", () => proxy.log.lines.slice(from).some((line) => line["stderr"] === "worked on"));
    return asked;
  };
  const reported = ({ messages }: StatelessAnswer) =>
    messages.map(({ method, params }) =>
      method === undefined ? "answer" : [params?.["progressToken"], params?.["progress"]],
    );

  test("comes with the retry, under the retry's own progress token and before the answer", async () => {
    const asked = await parkAndWork(work("first", 3, true));
    const answered = await callStateless(proxy, "works-on", retry(work("second", 3, true), asked));
    expect(reported(answered)).toEqual([["second", 1], ["second", 2], ["second", 3], "answer"]);
    expect(textOf(answered)).toBe("accept");
  });

  test("comes so also when the server has answered meanwhile", async () => {
    const asked = await parkAndWork(work("first", 2, false));
    const answered = await callStateless(proxy, "works-on", retry(work("second", 2, false), asked));
    expect(reported(answered)).toEqual([["second", 1], ["second", 2], "answer"]);
    expect(textOf(answered)).toBe("nothing");
  });

  test("is left out when the retry wants no reports", async () => {
    const asked = await parkAndWork(work("first", 2, true));
    const { meta: _, ...silent } = work("first", 2, true);
    expect(reported(await callStateless(proxy, "works-on", retry(silent, asked)))).toEqual(["answer"]);
  });

  test("is kept in bounds: the latest reports come", async () => {
    const asked = await parkAndWork(work("first", 500, true));
    const reports = reported(await callStateless(proxy, "works-on", retry(work("second", 500, true), asked)));
    expect(reports.length).toBeLessThan(100);
    expect(reports.at(-2)).toEqual(["second", 500]);
    expect(reports.at(-1)).toBe("answer");
  });
});
