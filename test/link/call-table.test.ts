import { describe, expect, test } from "bun:test";
import { createCallTable } from "../../src/link/call-table.ts";
import { eventually } from "../support/eventually.ts";

function createTable(requestMs = 0) {
  const overdue: number[] = [];
  const forgotten: string[] = [];
  const table = createCallTable<{ readonly isEndless: boolean; readonly name: string }>({
    requestMs,
    onOverdue: (id) => overdue.push(id),
    onForgotten: ({ name }) => forgotten.push(name),
  });
  return { table, overdue, forgotten };
}

describe("the calls on a child", () => {
  test("are counted without the endless ones, and each is forgotten once", () => {
    const { table, forgotten } = createTable();
    table.add(1, { isEndless: false, name: "a" });
    table.add(2, { isEndless: true, name: "b" });
    expect([table.size(), table.inFlight()]).toEqual([2, 1]);
    expect(table.forget(2)?.name).toBe("b");
    expect(table.forget(2)).toBeUndefined();
    expect([table.size(), table.inFlight(), forgotten]).toEqual([1, 1, ["b"]]);
    expect(table.takeAll().map(({ name }) => name)).toEqual(["a"]);
    expect([table.size(), table.inFlight(), forgotten]).toEqual([0, 0, ["b"]]);
  });

  test("are overdue when their time is over: not the endless ones, nor those whose time stands still", async () => {
    const { table, overdue } = createTable(30);
    table.add(1, { isEndless: true, name: "endless" });
    table.add(2, { isEndless: false, name: "paused" });
    table.pause(2);
    table.touch(2);
    table.add(3, { isEndless: false, name: "late" });
    await eventually("the late one", () => overdue.length === 1);
    expect(overdue).toEqual([3]);
    expect(table.get(3)).toBeUndefined();
    table.restart(2);
    await eventually("the other one", () => overdue.length === 2);
    expect(table.get(1)?.name).toBe("endless");
    table.close();
  });
});
