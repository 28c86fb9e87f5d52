import { afterEach, describe, expect, test } from "bun:test";
import { once } from "../../scripts/bench/driver/load.ts";
import { CALLS, INITIALIZE, INITIALIZED } from "../../scripts/bench/driver/messages.ts";
import type { Lane, Session } from "../../scripts/bench/driver/protocol.ts";
import { streamableProtocol } from "../../scripts/bench/driver/streamable-protocol.ts";

/** What the server was asked, in order: method, session, and the id or the name of the message. */
type Asked = readonly string[];

interface Gateway {
  readonly port: number;
  readonly asked: Asked;
  readonly deleted: Promise<void>;
}

type Answer = (id: number, port: number | undefined) => Response | Promise<Response>;

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** A server whose answer to everything but `initialize` is `answer`'s. */
function startGateway(answer: Answer): Gateway {
  const asked: string[] = [];
  const deleted = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request, server) => {
      const session = request.headers.get("mcp-session-id") ?? "none";
      if (request.method === "DELETE") {
        asked.push(`DELETE ${session}`);
        deleted.resolve();
        return new Response(null, { status: 204 });
      }
      const message = (await request.json()) as { id?: number; method: string };
      asked.push(`${message.method} ${session} ${request.headers.get("mcp-protocol-version") ?? "none"}`);
      if (message.method === "initialize") {
        return new Response(body(message.id ?? -1), { headers: { ...JSON_TYPE, "Mcp-Session-Id": "AbC-1" } });
      }
      return message.id === undefined
        ? new Response(null, { status: 202 })
        : answer(message.id, server.requestIP(request)?.port);
    },
  });
  ended.push(() => void server.stop(true));
  return { port: server.port ?? 0, asked, deleted: deleted.promise };
}

const JSON_TYPE = { "Content-Type": "application/json" };
const STREAM_TYPE = { "Content-Type": "text/event-stream; charset=utf-8" };

function body(id: number, text = "hello"): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result: { text } });
}

async function open({ port }: Gateway): Promise<{ session: Session; lane: Lane }> {
  const target = { protocol: "streamable", host: "127.0.0.1", port, path: "/x/mcp", headers: {}, pid: 0 } as const;
  const session = await streamableProtocol.open(target);
  ended.push(() => session.close());
  const lane = await session.lane(3);
  await once(session, lane, INITIALIZE, "exchange");
  return { session, lane };
}

/** Bun's own `rejects` would wait in a way that no time limit ends (1.4.5). */
function failureOf(work: Promise<void>): Promise<string> {
  return work.then(
    () => "no failure",
    (error: unknown) => String(error),
  );
}

describe("the Streamable HTTP driver", () => {
  test("keeps to the session that initialize opened, on every lane, and ends it by DELETE", async () => {
    const gateway = startGateway((id) => new Response(body(id), { headers: JSON_TYPE }));
    const { session, lane } = await open(gateway);
    await once(session, lane, INITIALIZED, "notify");
    const second = await session.lane(4);
    await once(session, second, CALLS.echo, "exchange");
    session.close();
    await gateway.deleted;
    expect(gateway.asked).toEqual([
      "initialize none none",
      "notifications/initialized AbC-1 2025-06-18",
      "tools/call AbC-1 2025-06-18",
      "DELETE AbC-1",
    ]);
  });

  test("takes an answer that is the body", async () => {
    const gateway = startGateway((id) => new Response(body(id), { headers: JSON_TYPE }));
    const { session, lane } = await open(gateway);
    await once(session, lane, CALLS.echo, "exchange");
    expect(lane.answerBytes).toBe(body(1_003_000_001).length);
  });

  test("takes a large answer whose id stands at its end", async () => {
    const text = "x".repeat(100_000);
    const gateway = startGateway((id) => new Response(`{"result":"${text}","id":${id}}`, { headers: JSON_TYPE }));
    const { session, lane } = await open(gateway);
    await once(session, lane, CALLS.big, "exchange");
    expect(lane.answerBytes).toBeGreaterThan(text.length);
  });

  test("takes an answer that comes on an event stream, after other messages", async () => {
    const gateway = startGateway((id) => {
      const events = ['{"jsonrpc":"2.0","method":"notifications/progress"}', body(id)].map(
        (data) => `event: message\nid: a\ndata: ${data}\n\n`,
      );
      return new Response(`: open\n\n${events.join("")}`, { headers: STREAM_TYPE });
    });
    const { session, lane } = await open(gateway);
    await once(session, lane, CALLS.echo, "exchange");
    await once(session, lane, CALLS.echo, "exchange");
    expect(lane.answerBytes).toBeGreaterThan(body(1_003_000_001).length);
  });

  test("goes on over a new connection after an answer that closes the old one", async () => {
    const connections = new Set<number | undefined>();
    const gateway = startGateway((id, port) => {
      connections.add(port);
      return new Response(`data: ${body(id)}\n\n`, { headers: { ...STREAM_TYPE, Connection: "close" } });
    });
    const { session, lane } = await open(gateway);
    await once(session, lane, CALLS.echo, "exchange");
    await once(session, lane, CALLS.echo, "exchange");
    expect(connections.size).toBe(2);
  });

  test("breaks the session when a message is refused", async () => {
    const gateway = startGateway(() => new Response("no", { status: 404 }));
    const { session, lane } = await open(gateway);
    expect(await failureOf(once(session, lane, CALLS.echo, "exchange"))).toContain("status 404");
  });

  test.each([
    ["a body", JSON_TYPE, (id: number) => body(id + 1)],
    ["a stream", STREAM_TYPE, (id: number) => `data: ${body(id + 1)}\n\n`],
  ])("breaks the session when %s holds another message's answer alone", async (_, headers, text) => {
    const gateway = startGateway((id) => new Response(text(id), { headers }));
    const { session, lane } = await open(gateway);
    expect(await failureOf(once(session, lane, CALLS.echo, "exchange"))).toContain("without the answer");
  });

  test("breaks the session when the connection closes before the answer", async () => {
    const asked = Promise.withResolvers<void>();
    const gateway = startGateway(() => {
      asked.resolve();
      return new Promise<Response>(() => undefined);
    });
    const { session, lane } = await open(gateway);
    const exchange = once(session, lane, CALLS.echo, "exchange");
    await asked.promise;
    for (const end of ended.splice(0, 1)) end();
    expect(await failureOf(exchange)).toContain("closed the connection");
  });
});
