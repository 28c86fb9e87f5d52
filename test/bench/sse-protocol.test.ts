import { afterEach, describe, expect, test } from "bun:test";
import { once } from "../../scripts/bench/driver/load.ts";
import { CALLS } from "../../scripts/bench/driver/messages.ts";
import { sseProtocol } from "../../scripts/bench/driver/sse-protocol.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** Asks for the tools in a session whose server answers so, and gives how that ended. */
async function listTools(result: object): Promise<string> {
  const stream = Promise.withResolvers<ReadableStreamDefaultController<string>>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      if (request.method === "GET") {
        const start = (controller: ReadableStreamDefaultController<string>): void => {
          controller.enqueue("event: endpoint\ndata: /x/message?sessionId=1\n\n");
          stream.resolve(controller);
        };
        return new Response(new ReadableStream<string>({ start }), {
          headers: { "Content-Type": "text/event-stream" },
        });
      }
      const { id } = (await request.json()) as { id: number };
      const answer = JSON.stringify({ jsonrpc: "2.0", id, result });
      (await stream.promise).enqueue(`event: message\ndata: ${answer}\n\n`);
      return new Response("Accepted", { status: 202 });
    },
  });
  ended.push(() => void server.stop(true));
  const target = { protocol: "sse", host: "127.0.0.1", port: server.port ?? 0, path: "/x/sse", headers: {}, pid: 0 };
  const session = await sseProtocol.open({ ...target, protocol: "sse" });
  ended.push(() => session.close());
  return once(session, await session.lane(0), CALLS.toolsList, "exchange").then(
    () => "answered",
    (error: unknown) => String(error),
  );
}

describe("the HTTP+SSE driver", () => {
  test("takes the tools that come on the stream", async () => {
    expect(await listTools({ tools: [{ name: "echo" }] })).toBe("answered");
  });

  test("breaks the session when an answer does not hold what its message expects", async () => {
    expect(await listTools({ tools: [] })).toContain("an answer without");
  });
});
