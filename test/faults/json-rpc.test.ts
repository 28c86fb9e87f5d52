import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import type { Message, SseSession } from "../support/sse-session.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(30_000);

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

describe("bodies", () => {
  let mirror: SseSession;
  beforeAll(async () => {
    mirror = await proxy.openSse("mirror");
  });

  /** What reached the child of a line that was accepted: the bytes between the mirror's own. */
  async function reflect(line: string): Promise<string> {
    const before = mirror.messages().length;
    const isNew = (message: Message): boolean =>
      message.method === "mirror" && mirror.messages().indexOf(message) >= before;
    expect((await mirror.post(line)).status).toBe(202);
    const reflected = await mirror.message("the mirrored line", isNew);
    // The endpoint event stands before the messages.
    const data = mirror.events[1 + mirror.messages().indexOf(reflected)]?.data.toString() ?? "";
    return data.slice('{"jsonrpc":"2.0","method":"mirror","params":'.length, -1);
  }

  test.each(refused)("%s gets 400, and none of it reaches the child", async (_, body, code) => {
    const answer = await mirror.post(body);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ jsonrpc: "2.0", error: { code } });
    const line = request(`"${crypto.randomUUID()}"`);
    expect(await reflect(line)).toBe(line);
  });

  test("J6: a hundred thousand levels get 400 at once", async () => {
    const body = `{"jsonrpc":"2.0","id":1,"method":"x","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const started = performance.now();
    expect((await mirror.post(body)).status).toBe(400);
    expect(performance.now() - started).toBeLessThan(100);
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
    expect(await reflect(line)).toBe(line);
  });

  test("J9: an id comes back with every digit", async () => {
    expect((await mirror.post(request("98765432109876543210"))).status).toBe(202);
    await mirror.message("the answer", ({ id, method }) => method === undefined && Number(id) > 9e19);
    const answers = mirror.events.map(({ data }) => data.toString());
    expect(answers).toContain('{"jsonrpc":"2.0","id":98765432109876543210,"result":{}}');
  });

  test("J13: a message over many lines becomes one line with the same strings", async () => {
    const message = { jsonrpc: "2.0", method: "pretty", params: { text: "a\nb  c\t\r", list: [1, { deep: " x " }] } };
    for (const body of [
      JSON.stringify(message, null, 2),
      JSON.stringify(message, null, "\t").replaceAll("\n", "\r\n"),
    ]) {
      expect(JSON.parse(await reflect(body))).toEqual(message);
    }
  });

  test("J14: a response to a request that the child never made is passed on", async () => {
    const line = '{"jsonrpc":"2.0","id":"never-asked","result":{}}';
    expect(await reflect(line)).toBe(line);
  });

  test("J15: a notification gets 202 although the child says nothing", async () => {
    const session = await proxy.openSse("deaf");
    expect((await session.post('{"jsonrpc":"2.0","method":"notifications/initialized"}')).status).toBe(202);
    session.close();
  });
});

describe("ids in flight", () => {
  test('J10: 1 and "1" are two requests, and each gets its own answer', async () => {
    const session = await proxy.openSse("dying");
    for (const id of ["1", '"1"']) {
      expect((await session.post(`{"jsonrpc":"2.0","id":${id},"method":"hold"}`)).status).toBe(202);
    }
    await session.post('{"jsonrpc":"2.0","id":2,"method":"tools/call"}');
    await session.ended;
    const answered = session.messages().filter((message: Message) => message.error !== undefined);
    expect(new Set(answered.map(({ id }) => id))).toEqual(new Set([1, "1", 2]));
    expect(answered.length).toBe(3);
  });

  test("J12: an id that is in flight is refused, and free again when it is answered", async () => {
    const deaf = await proxy.openSse("deaf");
    expect((await deaf.post(request("5"))).status).toBe(202);
    const second = await deaf.post(request("5"));
    expect(second.status).toBe(400);
    expect(await second.json()).toMatchObject({ error: { code: -32600 } });
    deaf.close();

    const echo = await proxy.openSse("echo");
    for (let round = 1; round <= 3; round++) {
      expect((await echo.post(request("5"))).status).toBe(202);
      await echo.message("an answer more", () => echo.messages().length === round);
    }
    echo.close();
  });

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
});
