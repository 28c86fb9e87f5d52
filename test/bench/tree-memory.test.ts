import { describe, expect, test } from "bun:test";
import { runs, sumOf, treeMemory } from "../../scripts/bench/measure/tree-memory.ts";

describe("sumOf", () => {
  test("adds up what each process has", () => {
    const memory = [
      { rss: 100, pss: 60 },
      { rss: 50, pss: 20 },
    ];
    expect(sumOf(memory)).toEqual({ rss: 150, pss: 80, processes: 2 });
  });

  test("has no PSS when one process keeps its own to itself: a sum without it would be too small", () => {
    const memory = [
      { rss: 100, pss: 60 },
      { rss: 50, pss: undefined },
    ];
    expect(sumOf(memory)).toEqual({ rss: 150, pss: undefined, processes: 2 });
  });

  test("leaves out a process that has ended", () => {
    const memory = [
      { rss: 100, pss: 60 },
      { rss: 0, pss: undefined },
    ];
    expect(sumOf(memory)).toEqual({ rss: 100, pss: 60, processes: 1 });
  });
});

describe("runs", () => {
  const command = ["node", "server.js"];

  test.each([
    ["as it is", ["node", "server.js"]],
    ["by the program's path", ["/usr/bin/node", "server.js"]],
  ])("knows the server %s", (_, line) => {
    expect(runs(line, command)).toBe(true);
  });

  test.each([
    ["a sandbox around it", ["bwrap", "--", "node", "server.js"]],
    ["a shell around it", ["/bin/sh", "-c", "node server.js"]],
    ["the same program with more words", ["node", "server.js", "other"]],
    ["a program whose name ends alike", ["/usr/bin/other-node", "server.js"]],
    ["a process that has ended", []],
  ])("does not take %s for it", (_, line) => {
    expect(runs(line, command)).toBe(false);
  });
});

describe("treeMemory", () => {
  test("counts a process with all below it, and the servers among them", async () => {
    const server = ["/bin/sh", "-c", "echo up; read -r line"];
    const tree = Bun.spawn(["/bin/sh", "-c", '"$0" "$1" "$2"; exit', ...server], { stdin: "pipe", stdout: "pipe" });
    try {
      await tree.stdout.getReader().read();
      const { rss, pss, processes, servers } = treeMemory(tree.pid, server);
      expect([processes, servers]).toEqual([2, 1]);
      expect(rss).toBeGreaterThan(0);
      if (pss !== undefined) expect(pss).toBeLessThanOrEqual(rss);
    } finally {
      tree.stdin.end();
      await tree.exited;
    }
  });
});
