import { expect, test } from "bun:test";
import { createLogger, type LogLevel } from "../../src/base/logger.ts";

function createWith(level: LogLevel) {
  const lines: string[] = [];
  return { lines, log: createLogger({ level, destination: { write: (line) => lines.push(line) } }) };
}

test("an entry is one line of JSON: level by name, time in UTC, the fields, the message", () => {
  const { lines, log } = createWith("INFO");
  log.info({ session: "1", text: "two\nlines\r\u2028" }, "hello\nworld");
  expect(lines.length).toBe(1);
  expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
  const entry = JSON.parse(lines[0] ?? "");
  expect(entry).toEqual({
    level: "INFO",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    session: "1",
    text: "two\nlines\r\u2028",
    msg: "hello\nworld",
  });
});

test("levels under the one that was set are not written", () => {
  const seen = (["DEBUG", "INFO", "WARN", "ERROR"] as const).map((level) => {
    const { lines, log } = createWith(level);
    log.debug("x");
    log.info("x");
    log.warn("x");
    log.error("x");
    return lines.map((line) => JSON.parse(line).level);
  });
  expect(seen).toEqual([["DEBUG", "INFO", "WARN", "ERROR"], ["INFO", "WARN", "ERROR"], ["WARN", "ERROR"], ["ERROR"]]);
});
