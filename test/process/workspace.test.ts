import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { instanceName } from "../../src/process/instance.ts";
import { createWorkspaces, removeLeftoverWorkspaces } from "../../src/process/workspace.ts";
import { canDropPrivileges } from "../support/launch.ts";
import { testWhen } from "../support/when.ts";

const INSTANCE = instanceName(process.pid);
const DEAD = `${INSTANCE.split("-")[0]}-4194305-1`;
const IS_ROOT = process.getuid?.() === 0;

const roots: string[] = [];
function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "workspace-test-"));
  roots.push(root);
  return root;
}
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

describe("a child's directory", () => {
  test("is made anew, can be entered by this user alone, and goes with all that is in it", async () => {
    const root = makeRoot();
    const workspaces = createWorkspaces(root, INSTANCE);
    const path = await workspaces.create("1");
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
    mkdirSync(join(path, "a", "b"), { recursive: true });
    writeFileSync(join(path, "a", "b", "file"), "x");
    await workspaces.remove(path);
    expect(existsSync(path)).toBe(false);
    await workspaces.remove(path);
    await workspaces.close();
    expect(readdirSync(root)).toEqual([]);
  });

  test("is never one that stood there before", async () => {
    const root = makeRoot();
    mkdirSync(join(root, `mcp-sse-proxy-${INSTANCE}`), { mode: 0o777 });
    const workspaces = createWorkspaces(root, INSTANCE);
    const path = await workspaces.create("1");
    expect(path).not.toStartWith(join(root, `mcp-sse-proxy-${INSTANCE}/`));
    expect(workspaces.create("1")).rejects.toThrow("EEXIST");
  });
});

describe("directories of instances that run no more", () => {
  test("are removed, and all others stay", async () => {
    const root = makeRoot();
    const kept = [`mcp-sse-proxy-${INSTANCE}-abcdef`, "mcp-sse-proxy-test-abcdef", `other-${DEAD}`, "mcp-sse-proxy-"];
    for (const name of [...kept, `mcp-sse-proxy-${DEAD}`, `mcp-sse-proxy-${DEAD}-abcdef`]) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, "file"), "x");
    }
    expect(await removeLeftoverWorkspaces(root)).toBe(2);
    expect(readdirSync(root).sort()).toEqual(kept.sort());
  });

  test("are no directories at all when they are links: what they point to stays", async () => {
    const root = makeRoot();
    const elsewhere = makeRoot();
    writeFileSync(join(elsewhere, "file"), "x");
    const link = join(root, `mcp-sse-proxy-${DEAD}-abcdef`);
    Bun.spawnSync(["ln", "-s", elsewhere, link]);
    await removeLeftoverWorkspaces(root);
    expect(existsSync(join(elsewhere, "file"))).toBe(true);
  });
});

testWhen(!IS_ROOT || canDropPrivileges(), "another user cannot run the proxy here")(
  "without root's rights, read-only directories go too, and those of another user stay and stop nobody",
  () => {
    const root = makeRoot();
    chmodSync(root, 0o1777);
    const foreign = join(root, `mcp-sse-proxy-${DEAD}-000000`);
    if (IS_ROOT) {
      mkdirSync(join(foreign, "inner"), { recursive: true, mode: 0o755 });
      writeFileSync(join(foreign, "inner", "file"), "x");
    }
    const drop = IS_ROOT ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] : [];
    const program = join(import.meta.dir, "read-only-tree.ts");
    const run = Bun.spawnSync([...drop, process.execPath, program, root], {
      cwd: "/",
      env: { ...process.env, HOME: root },
    });
    expect(run.stdout.toString() + run.stderr.toString()).toBe("child false\nleftover false, removed 1\n");
    expect(readdirSync(root)).toEqual(IS_ROOT ? [`mcp-sse-proxy-${DEAD}-000000`] : []);
    if (IS_ROOT) expect(existsSync(join(foreign, "inner", "file"))).toBe(true);
  },
);
