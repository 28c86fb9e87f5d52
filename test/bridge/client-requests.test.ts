import { describe, expect, test } from "bun:test";
import { createClientRequests } from "../../src/bridge/client-requests.ts";
import type { RawMessage } from "../../src/link/link.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { readMessage } from "../../src/wire/message.ts";

function raw(message: object): RawMessage {
  const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  const read = readMessage(line, createJsonScanner(16));
  if (typeof read === "string") throw new Error(read);
  return { line, message: read };
}

function make() {
  const delivered: RawMessage[] = [];
  const clientRequests = createClientRequests((message) => void delivered.push(message));
  const texts = () => delivered.map(({ line }) => JSON.parse(line.toString()));
  return { clientRequests, delivered, texts };
}

describe("what a client is asked", () => {
  test("has an id of its own each, and belongs to the request that it is asked for", async () => {
    const { clientRequests, delivered, texts } = make();
    const first = clientRequests.send("roots/list", "{}", "7");
    const second = clientRequests.send("elicitation/create", '{"message":"x"}', "8");
    expect(texts()).toEqual([
      { jsonrpc: "2.0", id: "mcp-sse-proxy-1", method: "roots/list", params: {} },
      { jsonrpc: "2.0", id: "mcp-sse-proxy-2", method: "elicitation/create", params: { message: "x" } },
    ]);
    expect(delivered.map(({ about }) => about)).toEqual(["7", "8"]);
    clientRequests.answer(raw({ id: "mcp-sse-proxy-2", error: { code: 1, message: "no" } }));
    clientRequests.answer(raw({ id: "mcp-sse-proxy-1", result: { big: 1 } }));
    expect(await first.answer).toEqual({ kind: "result", result: '{"big":1}' });
    expect(await second.answer).toEqual({ kind: "error", error: '{"code":1,"message":"no"}' });
  });

  test("is answered once, and by nothing but an answer to it", async () => {
    const { clientRequests } = make();
    const { answer } = clientRequests.send("roots/list", "{}", "7");
    for (const id of ["mcp-sse-proxy-2", 1, "1", ""]) clientRequests.answer(raw({ id, result: "wrong" }));
    clientRequests.answer(raw({ method: "mcp-sse-proxy-1" }));
    clientRequests.answer(raw({ id: "mcp-sse-proxy-1", result: { said: "right" } }));
    clientRequests.answer(raw({ id: "mcp-sse-proxy-1", result: { said: "late" } }));
    expect(await answer).toEqual({ kind: "result", result: '{"said":"right"}' });
  });

  test("is not answered by what no question of MCP has for an answer", async () => {
    const { clientRequests } = make();
    const { answer } = clientRequests.send("roots/list", "{}", "7");
    clientRequests.answer(raw({ id: "mcp-sse-proxy-1", result: "roots" }));
    expect(await answer).toMatchObject({ kind: "error", error: expect.stringContaining("no object") });
  });

  test("is taken back from the client, alone or with all that was asked for one request", async () => {
    const { clientRequests, delivered, texts } = make();
    const questions = ["7", "7", "8"].map((about) => clientRequests.send("roots/list", "{}", about));
    questions[0]?.withdraw();
    clientRequests.abandon("7");
    questions[0]?.withdraw();
    expect(texts().slice(3)).toEqual([
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "mcp-sse-proxy-1" } },
      { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "mcp-sse-proxy-2" } },
    ]);
    expect(delivered.slice(3).map(({ about }) => about)).toEqual(["7", "7"]);
    expect((await questions[0]?.answer)?.kind).toBe("error");
    expect((await questions[1]?.answer)?.kind).toBe("error");
    clientRequests.answer(raw({ id: "mcp-sse-proxy-3", result: {} }));
    expect((await questions[2]?.answer)?.kind).toBe("result");
  });

  test("has a bound, and what is answered or taken back makes room", async () => {
    const { clientRequests, delivered } = make();
    const questions = Array.from({ length: 256 }, () => clientRequests.send("roots/list", "{}", "7"));
    expect((await clientRequests.send("roots/list", "{}", "7").answer).kind).toBe("error");
    expect(delivered.length).toBe(256);
    questions[0]?.withdraw();
    void clientRequests.send("roots/list", "{}", "7");
    expect(delivered.length).toBe(258);
  });

  test("has an answer at the end, which the client is not told", async () => {
    const { clientRequests, delivered } = make();
    const { answer, withdraw } = clientRequests.send("roots/list", "{}", "7");
    clientRequests.close();
    expect((await answer).kind).toBe("error");
    withdraw();
    expect(delivered.length).toBe(1);
  });
});
