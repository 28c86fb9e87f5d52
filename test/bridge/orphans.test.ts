import { describe, expect, test } from "bun:test";
import { openingOf } from "../../src/bridge/opening.ts";
import { createOrphans } from "../../src/bridge/orphans.ts";
import type { OwnStart } from "../../src/bridge/own-start.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { scriptServer } from "../process/child-host.ts";
import { eventually } from "../support/eventually.ts";

const LONG_MS = 60_000;
const text = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}';
const found = openingOf(readClientMessage(Buffer.from(text), createJsonScanner(8)));
if (found === undefined) throw new Error("it is an initialize");
const opening = found;

function createStart({
  fits = true,
  isUnclaimed = true,
  leftMs = LONG_MS,
  isWanted = true,
  server = scriptServer(""),
} = {}) {
  const answered = Promise.withResolvers<void>();
  const useless = Promise.withResolvers<void>();
  let stops = 0;
  let detached = 0;
  const start: OwnStart = {
    name: "1",
    server,
    pid: 1,
    attach: () => undefined,
    detach: () => void detached++,
    send: () => "ok",
    isUnasked: () => false,
    isUnclaimed: () => isUnclaimed,
    fits: () => fits,
    deadline: () => performance.now() + leftMs,
    isWanted: () => isWanted,
    answered: answered.promise,
    useless: useless.promise,
    dropped: () => 0,
    startWords: () => ({ stderr: "", reason: undefined }),
    stop: async () => void stops++,
  };
  return { start, answer: answered.resolve, spoil: useless.resolve, stops: () => stops, detached: () => detached };
}

describe("a start without a client", () => {
  test("is the caller's next session's, and no longer its first one's burden then", async () => {
    const orphans = createOrphans();
    const { start, stops, detached } = createStart();
    const gone = orphans.keep("caller", start, LONG_MS);
    expect([orphans.has("caller", undefined), orphans.has("other", undefined)]).toEqual([true, false]);
    expect(orphans.take("other", opening)).toBeUndefined();
    expect(orphans.take("caller", opening)).toBe(start);
    await gone;
    expect([stops(), detached(), orphans.has("caller", undefined)]).toEqual([0, 1, false]);
  });

  test("that does not fit is left for whom it does; of those that do, the one that is ready goes first", async () => {
    const orphans = createOrphans();
    const other = createStart({ fits: false });
    const slow = createStart();
    const ready = createStart();
    for (const { start } of [other, slow, ready]) void orphans.keep("caller", start, LONG_MS);
    ready.answer();
    await ready.start.answered;
    expect(orphans.take("caller", opening)).toBe(ready.start);
    expect(orphans.take("caller", opening)).toBe(slow.start);
    expect(orphans.take("caller", opening)).toBeUndefined();
    expect([orphans.has("caller", undefined), orphans.has("caller", opening)]).toEqual([true, false]);
    orphans.close();
  });

  test("ends at its deadline, when it is of no use, and when nobody has come for it after it was ready", async () => {
    const orphans = createOrphans();
    const late = createStart({ leftMs: 1 });
    const useless = createStart();
    const warm = createStart();
    const unwanted = createStart({ isWanted: false });
    const all = [
      orphans.keep("a", late.start, LONG_MS),
      orphans.keep("b", useless.start, LONG_MS),
      orphans.keep("c", warm.start, 1),
      orphans.keep("d", unwanted.start, LONG_MS),
    ];
    useless.spoil();
    warm.answer();
    unwanted.answer();
    await Promise.all(all);
    expect([late, useless, warm, unwanted].map(({ stops }) => stops())).toEqual([1, 1, 1, 1]);
    await eventually("nothing", () => !orphans.has("a", undefined));
  });

  test("is not taken when another client has it already, its time is over, or there are too many", () => {
    const orphans = createOrphans();
    expect(orphans.keep("a", createStart({ isUnclaimed: false }).start, LONG_MS)).toBeUndefined();
    expect(orphans.keep("a", createStart({ leftMs: 0 }).start, LONG_MS)).toBeUndefined();
    const kept = Array.from({ length: 5 }, () => orphans.keep("a", createStart().start, LONG_MS));
    expect(kept.map((gone) => gone !== undefined)).toEqual([true, true, true, true, false]);
    const more = Array.from({ length: 70 }, (_, n) => orphans.keep(`caller ${n}`, createStart().start, LONG_MS));
    expect(more.filter((gone) => gone !== undefined).length).toBe(60);
    orphans.close();
  });

  test("makes room: the one whose client left first ends, of all or of one server", async () => {
    const orphans = createOrphans();
    const other = scriptServer("", { name: "other" });
    const [first, second] = [createStart(), createStart()];
    const others = createStart({ server: other });
    for (const [caller, { start }] of [
      ["b", first],
      ["a", second],
      ["a", others],
    ] as const) {
      void orphans.keep(caller, start, LONG_MS);
    }
    const stops = () => [first, second, others].map((start) => start.stops());
    await orphans.endOldest(other);
    expect(stops()).toEqual([0, 0, 1]);
    await orphans.endOldest(undefined);
    expect(stops()).toEqual([1, 0, 1]);
    expect(orphans.endOldest(other)).toBeUndefined();
    await orphans.endOldest(undefined);
    expect(stops()).toEqual([1, 1, 1]);
    expect(orphans.endOldest(undefined)).toBeUndefined();
  });

  test("ends with the proxy, which takes no more", async () => {
    const orphans = createOrphans();
    const one = createStart();
    const gone = orphans.keep("a", one.start, LONG_MS);
    orphans.close();
    await gone;
    expect(one.stops()).toBe(1);
    expect(orphans.keep("a", createStart().start, LONG_MS)).toBeUndefined();
  });
});
