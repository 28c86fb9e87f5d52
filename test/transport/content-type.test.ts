import { describe, expect, test } from "bun:test";
import { accepts, isJsonContentType } from "../../src/transport/content-type.ts";

describe("a content type", () => {
  test.each([
    "application/json",
    "Application/JSON",
    " application/json ",
    "application/json;",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json\t; charset = utf8 ;",
  ])("%j is JSON in UTF-8", (value) => {
    expect(isJsonContentType(value)).toBe(true);
  });

  test.each([
    null,
    "",
    "text/plain",
    "text/json",
    "application/jsonp",
    "application/json5",
    "application/problem+json",
    "application/json, text/plain",
    "application/json; charset=latin1",
    "application/json; charset=utf-16",
    "application/json; charset=utf-8; charset=latin1",
    "application/json; profile=x",
    "text/plain; application/json",
  ])("%j is not", (value) => {
    expect(isJsonContentType(value)).toBe(false);
  });
});

describe("an Accept field takes an event stream", () => {
  test.each([
    null,
    "",
    "*/*",
    "text/*",
    "text/event-stream",
    "TEXT/Event-Stream",
    "application/json, text/event-stream",
    "application/json;q=0.9,text/event-stream;q=0.1",
    "text/html, */*;q=0.01",
    "text/event-stream ; q=1.0",
  ])("with %j", (value) => {
    expect(accepts(value, "text", "event-stream")).toBe(true);
  });

  test.each([
    "application/json",
    "text/html",
    "text/event-streams",
    "text/event-stream;q=0",
    "text/event-stream;q=0.000",
    "*/*;q=0.0",
    "application/*",
  ])("but not with %j", (value) => {
    expect(accepts(value, "text", "event-stream")).toBe(false);
  });
});
