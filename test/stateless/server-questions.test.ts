import { describe, expect, test } from "bun:test";
import type { RawMessage } from "../../src/link/link.ts";
import { createServerQuestions } from "../../src/stateless/server-questions.ts";
import { createFakeSource } from "../bridge/fake-source.ts";

const raw = (method: string, id: number | string, params: object = {}): RawMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params })),
  message: { kind: "request", id: JSON.stringify(id), rawId: JSON.stringify(id), method },
});
const cancelled = (requestId: unknown): RawMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })),
  message: { kind: "notification", method: "notifications/cancelled" },
});
const retry = (inputResponses: object): Buffer =>
  Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { inputResponses } }));

async function make({ isAskable = true, roots }: { isAskable?: boolean; roots?: string } = {}) {
  const fake = createFakeSource("legacy");
  const lease = await fake.source.lease("alone", new AbortController().signal);
  const capabilities = { elicitation: {}, roots: {} };
  const questions = createServerQuestions({ lease, capabilities, isAskable, roots });
  return { questions, events: fake.events, said: () => fake.written.map((line) => JSON.parse(line) as unknown) };
}

describe("what a legacy server asks during a call", () => {
  test("is open until the client has answered it, each under a key of its own", async () => {
    const { questions, said } = await make();
    for (const id of [1, 2])
      expect(questions.take(raw("elicitation/create", id, { message: "?" }), false)).toEqual({ kind: "open" });
    expect([...questions.inputRequests()]).toEqual([
      ["elicitation-1", '{"method":"elicitation/create","params":{"message":"?"}}'],
      ["elicitation-2", '{"method":"elicitation/create","params":{"message":"?"}}'],
    ]);
    questions.answer(retry({ "elicitation-2": { action: "accept" }, other: {} }), false);
    expect(questions.open()).toBe(1);
    expect(said()).toEqual([{ jsonrpc: "2.0", id: 2, result: { action: "accept" } }]);
    questions.refuseAll();
    expect([questions.open(), said().at(-1)]).toEqual([
      0,
      expect.objectContaining({ id: 1, error: expect.anything() }),
    ]);
  });

  test("is not open any more when the server takes it back, by whichever spelling of its id", async () => {
    const { questions, said } = await make();
    questions.take(raw("elicitation/create", 1), false);
    questions.take(raw("elicitation/create", "a"), false);
    for (const odd of [{ toString: 1 }, null, "1", undefined]) questions.withdraw(cancelled(odd));
    expect(questions.open()).toBe(2);
    questions.withdraw(cancelled(1));
    questions.withdraw(cancelled("a"));
    expect([questions.open(), said()]).toEqual([0, []]);
  });

  test("is refused where no client can be asked, or none of this kind", async () => {
    const deaf = await make({ isAskable: false });
    expect(deaf.questions.take(raw("elicitation/create", 1), false)).toEqual({ kind: "answered" });
    const { questions, said } = await make();
    expect(questions.take(raw("made/up", 2), false)).toEqual({ kind: "answered" });
    expect(questions.take(raw("sampling/createMessage", 3), false)).toEqual({
      kind: "impossible",
      missing: { sampling: {} },
    });
    expect(questions.take(raw("elicitation/create", 4, { mode: { toString: 1 } }), false)).toEqual({ kind: "open" });
    expect(deaf.said()).toMatchObject([{ id: 1, error: { code: -32603 } }]);
    expect(said()).toMatchObject([
      { id: 2, error: { code: -32601 } },
      { id: 3, error: { code: -32601 } },
    ]);
  });

  test("are roots, which make the child this client's: for good, or with all that have the same", async () => {
    const late = await make();
    late.questions.take(raw("roots/list", 1), false);
    expect(late.events).toEqual(["1 alone", "1 retired"]);
    const early = await make();
    early.questions.take(raw("roots/list", 1), true);
    early.questions.answer(retry({ "roots-1": { roots: [] } }), true);
    expect(early.events).toEqual(["1 alone", "1 roots"]);
    const known = await make({ roots: '{"roots":[]}' });
    expect(known.questions.take(raw("roots/list", 1), true)).toEqual({ kind: "answered" });
    expect(known.said()).toEqual([{ jsonrpc: "2.0", id: 1, result: { roots: [] } }]);
  });
});
