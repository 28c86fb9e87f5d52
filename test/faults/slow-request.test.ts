import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { answerError } from "../../src/transport/answer.ts";
import { createBodyReader } from "../../src/transport/body.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy } from "../support/proxy.ts";
import { connectRaw, type RawConnection, requestText, statuses } from "../support/raw-http.ts";
import { fixture } from "../support/server-entry.ts";
import { testWhen } from "../support/when.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const HEAD = ["Host: 127.0.0.1", "Content-Type: application/json"];

/** Sends a piece every so often until the other side closes the connection. */
async function drip(connection: RawConnection, piece: string, everyMs: number): Promise<void> {
  let open = true;
  const closed = connection.closed.then(() => {
    open = false;
  });
  while (open) {
    connection.send(piece);
    await Promise.race([closed, Bun.sleep(everyMs)]);
  }
}

describe("a body that comes too slowly", () => {
  // The proxy's own deadline is half a minute: here the same reader has another one.
  const readBody = createBodyReader({ maxBytes: 1_000, deadlineMs: 250 });
  let server: Bun.Server<undefined>;
  beforeAll(() => {
    server = Bun.serve({
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => {
        try {
          return new Response(String((await readBody(request)).length), { status: 202 });
        } catch (error) {
          return answerError(error, "mcp", {}).response;
        }
      },
    });
  });
  afterAll(() => server.stop(true));

  test.each([
    ["H10: with a length", ["Content-Length: 900"], "{", " "],
    ["H11: in chunks without end", ["Transfer-Encoding: chunked"], "1\r\n{\r\n", "1\r\n \r\n"],
  ])("%s gets 408, and the connection is closed", async (_, headers, first, piece) => {
    const connection = await connectRaw(server.port ?? 0);
    connection.send(requestText("POST / HTTP/1.1", [...HEAD, ...headers], first));
    await drip(connection, piece, 20);
    expect(statuses(connection.received())).toEqual([408]);
    expect(connection.received()).toContain("body_timeout");
  });

  test("H10: one that comes in time is read", async () => {
    const connection = await connectRaw(server.port ?? 0);
    connection.send(requestText("POST / HTTP/1.1", [...HEAD, "Content-Length: 4", "Connection: close"], "{"));
    for (const piece of [" ", " ", "}"]) {
      await Bun.sleep(10);
      connection.send(piece);
    }
    await connection.closed;
    expect(statuses(connection.received())).toEqual([202]);
  });
});

// It takes the twelve seconds that the runtime gives a head: SLOW=1 runs it.
testWhen(process.env["SLOW"] === "1", "it takes twelve seconds, and SLOW=1 runs it")(
  "H9: a head that comes line by line is cut off",
  async () => {
    await using proxy = await startProxy({ config: { mcpServers: { echo: fixture("echo") } } });
    const connection = await connectRaw(proxy.port);
    connection.send(`GET /echo/sse HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\n`);
    await drip(connection, "X-More: 1\r\n", 1_000);
    expect(statuses(connection.received()).filter((status) => status < 400)).toEqual([]);
  },
);
