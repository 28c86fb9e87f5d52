import { describe, expect, test } from "bun:test";
import { instanceName, isDeadInstance } from "../../src/process/instance.ts";

const own = instanceName(process.pid);
const [namespace = "", pid = "", started = ""] = own.split("-");

/** A number that no process has: the kernel's largest is 2^22. */
const NOBODY = 4_194_305;

describe("the name of an instance", () => {
  test("holds its PID namespace, its PID and when it started, and is the same each time", () => {
    expect(own).toMatch(/^[1-9]\d*-[1-9]\d*-\d+$/);
    expect(pid).toBe(String(process.pid));
    expect(instanceName(process.pid)).toBe(own);
  });

  test("differs between two processes", () => {
    expect(instanceName(1)).not.toBe(own);
  });
});

describe("an instance is taken for dead", () => {
  test("when its process is gone, or its PID belongs to a later one", () => {
    expect(isDeadInstance(`${namespace}-${NOBODY}-1`)).toBe(true);
    expect(isDeadInstance(`${namespace}-${pid}-${Number(started) - 1}`)).toBe(true);
    expect(isDeadInstance(`${namespace}-${NOBODY}-1-Ab3xYz`)).toBe(true);
  });

  test("but not while it runs", () => {
    expect(isDeadInstance(own)).toBe(false);
    expect(isDeadInstance(`${own}-Ab3xYz`)).toBe(false);
  });

  test("nor when it lives in another PID namespace, where its PID means somebody else", () => {
    expect(isDeadInstance(`${Number(namespace) + 1}-${NOBODY}-1`)).toBe(false);
    expect(isDeadInstance(`0-${NOBODY}-1`)).toBe(false);
  });

  test.each(["", "-", "test-x", "12", `${namespace}-${NOBODY}`])("nor when the name is none: %s", (name) => {
    expect(isDeadInstance(name)).toBe(false);
  });
});
