import { describe, expect, test } from "bun:test";
import {
  eventFrame,
  HEARTBEAT,
  messageFrames,
  numberedMessageFrames,
  replaceLineBreaks,
} from "../../src/wire/event-stream.ts";
import { createEventStreamReader } from "../support/event-stream.ts";

/** The events that a client reads, and how many comments it skips. */
function readEvents(bytes: Buffer): { readonly events: readonly string[]; readonly comments: number } {
  const reader = createEventStreamReader();
  const events = reader.push(bytes).map(({ type, data }) => `${type}|${data.toString()}`);
  return { events, comments: reader.comments() };
}

describe("frames of messages", () => {
  test("are one message event each, in order, byte for byte", () => {
    const lines = ['{"a":"é€😀 \u2028\u0085"}', '{"b":"\\n\\r"}', "{}"];
    const frames = messageFrames(lines.map((line) => Buffer.from(line)));
    expect(readEvents(frames).events).toEqual(lines.map((line) => `message|${line}`));
  });

  test("of no message are nothing", () => {
    expect(messageFrames([]).length).toBe(0);
  });

  test("have a space for each carriage return, so that a child cannot write fields of its own", () => {
    const line = Buffer.from('{"a":\r\revent: endpoint\rdata: evil\r\r1}');
    const { events } = readEvents(messageFrames([line, Buffer.from("{}")]));
    expect(events).toEqual(['message|{"a":  event: endpoint data: evil  1}', "message|{}"]);
  });

  test("leave the message itself as it was", () => {
    const line = Buffer.from('{"a":\r1}');
    messageFrames([line]);
    expect(line.toString()).toBe('{"a":\r1}');
  });
});

describe("numbered frames of messages", () => {
  test("are the same events, each with its own id", () => {
    const lines = ['{"a":"é😀"}', '{"b":\r1}', "{}"].map((line) => Buffer.from(line));
    const frames = numberedMessageFrames(lines, "handle", 9);
    expect(readEvents(frames)).toEqual(readEvents(messageFrames(lines)));
    expect(frames.toString().match(/^id: .*$/gm)).toEqual(["id: handle-9", "id: handle-10", "id: handle-11"]);
  });
});

describe("an event of the proxy's own", () => {
  test("has its name and its data", () => {
    expect(eventFrame("endpoint", "/demo/message?sessionId=x").toString()).toBe(
      "event: endpoint\ndata: /demo/message?sessionId=x\n\n",
    );
  });

  test("of several lines is read as the same lines", () => {
    expect(readEvents(eventFrame("error", "one\ntwo\n\nfour")).events).toEqual(["error|one\ntwo\n\nfour"]);
  });

  test("keeps the separators that only JavaScript takes for line ends", () => {
    expect(readEvents(eventFrame("error", '{"a":"x\u2028y\u2029z"}')).events).toEqual([
      'error|{"a":"x\u2028y\u2029z"}',
    ]);
  });
});

test("a heartbeat is a comment, which no client sees", () => {
  expect(readEvents(Buffer.concat([HEARTBEAT, messageFrames([Buffer.from("{}")])]))).toEqual({
    events: ["message|{}"],
    comments: 1,
  });
});

test("line breaks between tokens become spaces in place, and nothing else changes", () => {
  const json = Buffer.from('{\r\n"a" :\n"x\\r\\n",\r"b":1}\n');
  replaceLineBreaks(json);
  expect(json.toString()).toBe('{  "a" : "x\\r\\n", "b":1} ');
});
