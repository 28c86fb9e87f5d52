import { afterEach, expect, test } from "bun:test";
import { createRefusalLog, type RefusalLog } from "../../src/app/refusal-log.ts";
import { createLogger } from "../../src/base/logger.ts";
import { eventually } from "../support/eventually.ts";

const logs: RefusalLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

function create(everyMs?: number) {
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ level: "INFO", destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const refusals = createRefusalLog({ log, ...(everyMs === undefined ? {} : { everyMs }) });
  logs.push(refusals);
  return { refusals, summaries: () => lines.map(({ code, requests, msg }) => [code, requests, msg]) };
}

test("the first refusal of a cause has a line of its own, and the rest are counted", () => {
  const { refusals, summaries } = create();
  expect(Array.from({ length: 4 }, () => refusals.count("unauthorized"))).toEqual([true, false, false, false]);
  expect(refusals.count("rate_limited")).toBe(true);
  expect(summaries()).toEqual([]);
  refusals.close();
  expect(summaries()).toEqual([["unauthorized", 4, "requests refused"]]);
});

test("they are summed up when their time is over, and the next one begins anew", async () => {
  const { refusals, summaries } = create(20);
  for (let count = 0; count < 3; count++) refusals.count("not_found");
  await eventually("the sum", () => summaries().length === 1);
  expect(summaries()).toEqual([["not_found", 3, "requests refused"]]);
  expect(refusals.count("not_found")).toBe(true);
});
