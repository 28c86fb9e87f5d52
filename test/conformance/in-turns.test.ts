import { expect, test } from "bun:test";
import { runInTurns } from "./in-turns.ts";

/** Runs that end when the test says so. */
function runs() {
  const started: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const run = (plan: string): Promise<string> => {
    started.push(plan);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    ends.set(plan, (error) => (error === undefined ? resolve(`${plan} is done`) : reject(error)));
    return promise;
  };
  return { started, run, end: (plan: string, error?: Error) => ends.get(plan)?.(error) };
}

test("no more runs than told are under way at once, and each plan gets its own result", async () => {
  const { started, run, end } = runs();
  const results = runInTurns(["a", "b", "c"], 2, run);
  await Bun.sleep(0);
  expect(started).toEqual(["a", "b"]);
  end("a");
  expect(await results.get("a")).toBe("a is done");
  await Bun.sleep(0);
  expect(started).toEqual(["a", "b", "c"]);
  end("c");
  end("b");
  expect(await results.get("c")).toBe("c is done");
  expect(await results.get("b")).toBe("b is done");
});

test("a run that fails fails alone, whoever looks at it when", async () => {
  const { run, end } = runs();
  const results = runInTurns(["a", "b"], 1, run);
  await Bun.sleep(0);
  end("a", new Error("lost"));
  await Bun.sleep(0);
  end("b");
  expect(await results.get("b")).toBe("b is done");
  await expect(results.get("a")).rejects.toThrow("lost");
});
