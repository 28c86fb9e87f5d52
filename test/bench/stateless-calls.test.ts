import { afterEach, describe, expect, test } from "bun:test";
import { once } from "../../scripts/bench/driver/load.ts";
import { CALLS } from "../../scripts/bench/driver/messages.ts";
import type { Message } from "../../scripts/bench/driver/protocol.ts";
import { PROTOCOLS } from "../../scripts/bench/driver/protocols.ts";

interface Call {
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>> & { readonly id: number };
}

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** Makes one call, and gives what the server got and how the call ended. */
async function callOnce(message: Message, answer: (id: number) => Response): Promise<{ got: Call; end: string }> {
  const got = Promise.withResolvers<Call>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const call = { headers: request.headers, body: (await request.json()) as Call["body"] };
      got.resolve(call);
      return answer(call.body.id);
    },
  });
  ended.push(() => void server.stop(true));
  const headers = { Authorization: "Bearer secret" };
  const target = { protocol: "stateless", host: "127.0.0.1", port: server.port ?? 0, path: "/x/mcp", headers, pid: 0 };
  const session = await PROTOCOLS.stateless.open({ ...target, protocol: "stateless" });
  ended.push(() => session.close());
  const end = once(session, await session.lane(0), message, "exchange").then(
    () => "answered",
    (error: unknown) => String(error),
  );
  return { got: await got.promise, end: await end };
}

function result(id: number, text: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text }], resultType: "complete" } });
}

describe("a call that stands alone", () => {
  test("says in fields and in _meta what MCP 2026-07-28 asks of each request", async () => {
    const { got, end } = await callOnce(CALLS.statelessEcho, (id) =>
      Response.json(JSON.parse(result(id, "Echo: hello"))),
    );
    expect(end).toBe("answered");
    expect(Object.fromEntries(got.headers)).toMatchObject({
      authorization: "Bearer secret",
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "echo",
    });
    expect(got.headers.has("mcp-session-id")).toBe(false);
    expect(got.body).toEqual({
      jsonrpc: "2.0",
      id: 1_000_000_000,
      method: "tools/call",
      params: {
        name: "echo",
        arguments: { message: "hello" },
        _meta: {
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
          "io.modelcontextprotocol/clientCapabilities": {},
        },
      },
    });
  });

  test("to a gateway that knows sessions alone has neither", async () => {
    const { got, end } = await callOnce(CALLS.everythingEcho, (id) =>
      Response.json(JSON.parse(result(id, "Echo: hello"))),
    );
    expect(end).toBe("answered");
    expect([...got.headers.keys()].filter((name) => name.startsWith("mcp-"))).toEqual([]);
    expect(got.body["params"]).not.toHaveProperty("_meta");
  });

  test("takes an answer that comes on an event stream", async () => {
    const { end } = await callOnce(
      CALLS.statelessEcho,
      (id) =>
        new Response(`event: message\ndata: ${result(id, "Echo: hello")}\n\n`, {
          headers: { "Content-Type": "text/event-stream" },
        }),
    );
    expect(end).toBe("answered");
  });

  test.each([
    ["another text", (id: number) => result(id, "Echo: other")],
    ["an error", (id: number) => JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32603, message: "no" } })],
  ])("fails when it is answered with %s", async (_, answer) => {
    const { end } = await callOnce(CALLS.statelessEcho, (id) => new Response(answer(id)));
    expect(end).toContain("an answer without");
  });
});
