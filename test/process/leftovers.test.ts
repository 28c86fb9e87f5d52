import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instanceName } from "../../src/process/instance.ts";
import { findLeftovers, removeDirectories } from "../../src/process/leftovers.ts";
import { createWorkspaces } from "../../src/process/workspace.ts";

const INSTANCE = instanceName(process.pid);
const DEAD = `${INSTANCE.split("-")[0]}-4194305-1`;

const roots: string[] = [];
function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "leftovers-test-"));
  roots.push(root);
  return root;
}
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function make(root: string, name: string, lock?: string): string {
  const path = join(root, name);
  mkdirSync(path);
  if (lock !== undefined) writeFileSync(join(path, "lock"), lock);
  return path;
}

describe("directories of instances that run no more", () => {
  test.if(process.platform === "linux")("are those whose lock nobody holds, whatever their PID says", async () => {
    const root = makeRoot();
    const workspaces = createWorkspaces(root, DEAD);
    const living = readdirSync(root);
    const dead = make(root, "mcp-AbC123", INSTANCE);
    const leftovers = findLeftovers([root, join(root, "nowhere")]);
    expect(leftovers.directories).toEqual([dead]);
    expect([leftovers.isDead(DEAD), leftovers.isDead(INSTANCE)]).toEqual([false, true]);
    expect(await removeDirectories(leftovers.directories)).toBe(1);
    expect(readdirSync(root)).toEqual(living);
    await workspaces.close();
  });

  test("are those without a lock, unless they have just been made", () => {
    const root = makeRoot();
    make(root, "mcp-AbC124");
    const old = make(root, "mcp-AbC125");
    utimesSync(old, 0, 0);
    expect(findLeftovers([root]).directories).toEqual([old]);
  });

  test("are found under the name that earlier versions gave them, and all others stay", () => {
    const root = makeRoot();
    for (const name of [
      `mcp-sse-proxy-${INSTANCE}-abcdef`,
      "mcp-sse-proxy-test-abcdef",
      `other-${DEAD}`,
      "mcp-x",
      "mcp-",
    ])
      make(root, name);
    const dead = [`mcp-sse-proxy-${DEAD}`, `mcp-sse-proxy-${DEAD}-abcdef`].map((name) => make(root, name));
    expect([...findLeftovers([root]).directories].sort()).toEqual(dead);
  });

  test("are no directories at all when they are links: what they point to stays", async () => {
    const root = makeRoot();
    const elsewhere = makeRoot();
    writeFileSync(join(elsewhere, "file"), "x");
    writeFileSync(join(elsewhere, "lock"), INSTANCE);
    for (const name of [`mcp-sse-proxy-${DEAD}-abcdef`, "mcp-AbC123"])
      Bun.spawnSync(["ln", "-s", elsewhere, join(root, name)]);
    await removeDirectories(findLeftovers([root]).directories);
    expect(existsSync(join(elsewhere, "file"))).toBe(true);
  });
});
