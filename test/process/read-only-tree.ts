/**
 * Makes directories as a child leaves them that has used a package cache: none may be written to, one may not even be
 * entered. Then has the proxy remove them, and prints what is left of each. Its argument is where. For a user without
 * root's rights: nothing is read-only to root.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instanceName } from "../../src/process/instance.ts";
import { findLeftovers, removeDirectories } from "../../src/process/leftovers.ts";
import { createWorkspaces } from "../../src/process/workspace.ts";

const root = String(process.argv[2]);

function fill(directory: string): void {
  const inner = join(directory, "cache", "package");
  const closed = join(directory, "closed");
  mkdirSync(inner, { recursive: true });
  mkdirSync(closed);
  for (const place of [inner, closed]) writeFileSync(join(place, "file"), "x");
  for (const [place, mode] of [
    [inner, 0o555],
    [join(directory, "cache"), 0o555],
    [closed, 0o000],
    [directory, 0o500],
  ] as const) {
    chmodSync(place, mode);
  }
}

const workspaces = createWorkspaces(root, instanceName(process.pid));
const child = await workspaces.create();
fill(child);
await workspaces.remove(child);
console.log(`child ${existsSync(child)}`);
fill(await workspaces.create());
await workspaces.close();

const namespace = instanceName(process.pid).split("-")[0];
const leftover = join(root, `mcp-sse-proxy-${namespace}-4194305-1-abcdef`);
mkdirSync(leftover);
fill(leftover);
// Before it stands one of another user, made by the test.
const removed = await removeDirectories(findLeftovers([root]).directories);
console.log(`leftover ${existsSync(leftover)}, removed ${removed}`);
