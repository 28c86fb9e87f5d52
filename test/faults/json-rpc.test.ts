import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Conversation, converse, TRANSPORTS } from "../support/conversation.ts";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo"),
        mirror: fixture("mirror"),
        deaf: fixture("never-answers"),
        dying: fixture("exits-mid-request"),
      },
    },
  });
});
afterAll(() => proxy.stop());

const utf16 = Buffer.from('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}', "utf16le");
const bom = Buffer.from('\ufeff{"jsonrpc":"2.0","id":1,"method":"ping"}');
const invalid = Buffer.concat([
  Buffer.from('{"jsonrpc":"2.0","id":1,"method":"'),
  Buffer.from([0xc3, 0x28]),
  Buffer.from('"}'),
]);
const request = (id: string, more = ""): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"${more}}`;

const refused: readonly (readonly [string, string | Uint8Array<ArrayBuffer>, number])[] = [
  ["J1: broken JSON", '{"jsonrpc":"2.0",', -32700],
  ["J1: an empty body", "", -32700],
  ["J1: white space", " \n", -32700],
  ["J1: trailing bytes", `${request("1")}x`, -32700],
  ["J1: two messages", `${request("1")}\n${request("2")}`, -32700],
  ["J1: UTF-16", new Uint8Array(utf16), -32700],
  ["J2: a byte order mark", new Uint8Array(bom), -32700],
  ["J3: invalid UTF-8", new Uint8Array(invalid), -32700],
  ["J4: a batch", `[${request("1")}]`, -32600],
  ["J4: an empty batch", "[]", -32600],
  ["J4: a batch of ten thousand", `[${Array.from({ length: 10_000 }, () => "1").join(",")}]`, -32600],
  ["J5: a string", '"ping"', -32600],
  ["J5: a number", "42", -32600],
  ["J5: null", "null", -32600],
  ["J5: an empty object", "{}", -32600],
  ["J5: another version", '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600],
  ["J5: no version", '{"id":1,"method":"ping"}', -32600],
  ["J5: a method that is no string", '{"jsonrpc":"2.0","id":1,"method":7}', -32600],
  ["J8: id twice", '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600],
  ["J8: method twice", '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', -32600],
  ["J8: method twice, once escaped", '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/call"}', -32600],
  ["J8: Method beside method", '{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}', -32600],
  ["J8: Method alone", '{"jsonrpc":"2.0","id":1,"Method":"ping"}', -32600],
  ["J11: the id null", request("null"), -32600],
  ["J11: an object as id", request("{}"), -32600],
  ["J11: a list as id", request("[1]"), -32600],
  ["J11: true as id", request("true"), -32600],
];

const MIRRORED = '{"jsonrpc":"2.0","method":"mirror","params":';

describe.each(TRANSPORTS)("over %s,", (transport) => {
  describe("bodies", () => {
    let mirror: Conversation;
    beforeAll(async () => {
      mirror = await converse(proxy, transport, "mirror");
      // From here on the handshake is behind, and what comes is the tests' own.
      await reflect(request('"first"'), (seen) => seen === request('"first"'));
    });
    afterAll(() => mirror.close());

    /** What reached the child, line by line: the bytes between the mirror's own. */
    const reflected = (): readonly string[] =>
      mirror
        .payloads()
        .map((data) => data.toString())
        .filter((text) => text.startsWith(MIRRORED))
        .map((text) => text.slice(MIRRORED.length, -1));

    /** Posts a line that must be accepted, and waits until the child has one that fits. */
    async function reflect(line: string, fits: (seen: string) => boolean): Promise<void> {
      const posting = mirror.post(line);
      await eventually("the mirrored line", () => reflected().some(fits));
      expect((await posting).accepted).toBe(true);
    }

    test.each(refused)("%s gets 400, and none of it reaches the child", async (_, body, code) => {
      const before = reflected().length;
      const { status, refusal } = await mirror.post(body);
      expect([status, refusal?.jsonrpc, refusal?.error?.code]).toEqual([400, "2.0", code]);
      const line = request(`"${crypto.randomUUID()}"`);
      await reflect(line, (seen) => seen === line);
      expect(reflected().slice(before)).toEqual([line]);
    });

    test("J6: a hundred thousand levels get 400", async () => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"x","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
      expect((await mirror.post(body)).status).toBe(400);
    });

    test.each([
      [
        "J7: members named like those of every object",
        request('"j7"', ',"params":{"__proto__":{"a":1},"constructor":{"prototype":1}}'),
      ],
      ["J9: an id above 2^53", request("12345678901234567890")],
      ["J9: a negative zero as id", request("-0")],
      [
        "J9: numbers that a double cannot hold",
        request('"j9"', ',"params":[1e400,-1e-400,0.1000000000000000055511151231257827,1.0]'),
      ],
      ["J10: an id with an escape", request('"\\u0061\\/"')],
      ["J17: a lone surrogate and an escaped NUL", request('"j17"', ',"params":{"text":"\\ud800\\u0000\\udfff"}')],
    ])("%s reaches the child as it was written", async (_, line) => {
      await reflect(line, (seen) => seen === line);
    });

    test("J9: an id comes back with every digit", async () => {
      expect((await mirror.post(request("98765432109876543210"))).accepted).toBe(true);
      await mirror.message("the answer", ({ id, method }) => method === undefined && Number(id) > 9e19);
      const answers = mirror.payloads().map((data) => data.toString());
      expect(answers).toContain('{"jsonrpc":"2.0","id":98765432109876543210,"result":{}}');
    });

    test("J13: a message over many lines becomes one line with the same strings", async () => {
      for (const [round, lineEnd] of ["\n", "\r\n"].entries()) {
        const params = { round, text: "a\nb  c\t\r", list: [1, { deep: " x " }] };
        const message = { jsonrpc: "2.0", method: "pretty", params };
        await reflect(JSON.stringify(message, null, "\t").replaceAll("\n", lineEnd), (seen) =>
          Bun.deepEquals(JSON.parse(seen), message),
        );
      }
    });

    test("J14: a response to a request that the child never made is passed on", async () => {
      const line = '{"jsonrpc":"2.0","id":"never-asked","result":{}}';
      await reflect(line, (seen) => seen === line);
    });

    test("J15: a notification gets 202 although the child says nothing", async () => {
      const session = await converse(proxy, transport, "deaf");
      expect((await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}')).status).toBe(202);
      await session.close();
    });
  });

  describe("ids in flight", () => {
    test('J10: 1 and "1" are two requests, and each gets its own answer', async () => {
      const session = await converse(proxy, transport, "dying");
      // The posts are answered after a moment, or all at once when the child has died.
      const held = await Promise.all(
        ["1", '"1"'].map((id) => session.post(`{"jsonrpc":"2.0","id":${id},"method":"hold"}`)),
      );
      expect(held.map(({ accepted }) => accepted)).toEqual([true, true]);
      await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/call"}');
      await session.ended;
      const isError = (message: Message): boolean => message.error !== undefined;
      await eventually("the errors", () => session.messages().filter(isError).length >= 3);
      const answered = session.messages().filter(isError);
      expect(new Set(answered.map(({ id }) => id))).toEqual(new Set([1, "1", 2]));
      expect(answered.length).toBe(3);
    });

    test("J12: an id that is in flight is refused where all answers share a stream, and free again when it is answered", async () => {
      const deaf = await converse(proxy, transport, "deaf");
      expect((await deaf.post(request("5"))).accepted).toBe(true);
      const second = await deaf.post(request("5"));
      if (transport === "HTTP+SSE") expect([second.status, second.refusal?.error?.code]).toEqual([400, -32600]);
      else expect(second.accepted).toBe(true);
      await deaf.close();

      const echo = await converse(proxy, transport, "echo");
      for (let round = 1; round <= 3; round++) {
        expect((await echo.post(request("5"))).accepted).toBe(true);
        await echo.message("an answer more", () => echo.messages().length === round);
      }
      await echo.close();
    });
  });
});

// Over Streamable HTTP each of them holds a connection: test/faults/streamable-session.test.ts.
test("J16: requests over the number that may be in flight get 429 with Retry-After", async () => {
  const session = await proxy.openSse("deaf");
  let refusal: Response | undefined;
  for (let id = 1; id <= 5_000 && refusal === undefined; id++) {
    const answer = await session.post(request(String(id)));
    if (answer.status !== 202) refusal = answer;
  }
  expect(refusal?.status).toBe(429);
  expect(Number(refusal?.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await refusal?.json()).toMatchObject({ error: { data: { code: "too_many_in_flight" } } });
  session.close();
});
