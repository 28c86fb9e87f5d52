import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { instanceName } from "../../src/process/instance.ts";
import { lockState } from "../../src/process/lock.ts";
import { createWorkspaces } from "../../src/process/workspace.ts";
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
    const path = await workspaces.create();
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

  test("has a short name that nobody can foresee", async () => {
    const workspaces = createWorkspaces(makeRoot(), INSTANCE);
    const paths = await Promise.all(Array.from({ length: 50 }, () => workspaces.create()));
    expect(new Set(paths).size).toBe(50);
    for (const path of paths) expect(path).toMatch(/\/mcp-\w{6}\/[a-z2-7]{8}$/);
    await workspaces.close();
  });

  test("is where npm's search for a project ends", async () => {
    const root = makeRoot();
    mkdirSync(join(root, "node_modules"));
    writeFileSync(join(root, "package.json"), '{"workspaces":["*/*"]}');
    writeFileSync(join(root, ".npmrc"), "registry=https://registry.example/\n");
    const workspaces = createWorkspaces(root, INSTANCE);
    const cwd = await workspaces.create();
    if (Bun.which("npm") !== null) {
      const npm = (...args: string[]) =>
        Bun.spawnSync(["npm", ...args], { cwd })
          .stdout.toString()
          .trim();
      expect(npm("prefix")).toBe(cwd);
      expect(npm("config", "get", "registry")).not.toContain("registry.example");
    }
    expect(existsSync(join(cwd, "node_modules"))).toBe(true);
    await workspaces.close();
  });

  test("is made although the directory above it, or the one above that, was removed or taken by somebody else", async () => {
    const root = makeRoot();
    const workspaces = createWorkspaces(root, INSTANCE);
    const home = dirname(await workspaces.create());
    rmSync(home, { recursive: true });
    const second = await workspaces.create();
    rmSync(root, { recursive: true });
    const third = await workspaces.create();
    rmSync(dirname(third), { recursive: true });
    mkdirSync(dirname(third), { mode: 0o777 });
    const fourth = await workspaces.create();
    expect(new Set([home, ...[second, third, fourth].map((path) => dirname(path))]).size).toBe(4);
    expect(lockState(join(dirname(fourth), "lock"))).toBe("held");
    rmSync(dirname(third), { recursive: true });
    await workspaces.close();
    expect(readdirSync(root)).toEqual([]);
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
      env: { ...process.env, HOME: "/nowhere" },
    });
    expect(run.stdout.toString() + run.stderr.toString()).toBe("child false\nleftover false, removed 1\n");
    expect(readdirSync(root)).toEqual(IS_ROOT ? [`mcp-sse-proxy-${DEAD}-000000`] : []);
    if (IS_ROOT) expect(existsSync(join(foreign, "inner", "file"))).toBe(true);
  },
);
