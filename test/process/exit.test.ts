import { expect, test } from "bun:test";
import { describeExit, type ProcessExit } from "../../src/process/exit.ts";

test.each<[ProcessExit, string]>([
  [{ code: 0, signal: null }, "exit code 0"],
  [{ code: 3, signal: null }, "exit code 3"],
  [{ code: null, signal: "SIGKILL" }, "signal SIGKILL"],
  [{ code: null, signal: null }, "exit code unknown"],
])("%j is described as: %s", (exit, text) => {
  expect(describeExit(exit)).toBe(text);
});
