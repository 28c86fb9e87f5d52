import { mkdtempSync, readdirSync } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeadInstance } from "./instance.ts";

const PREFIX = "mcp-sse-proxy-";

/** The temporary directories of one instance's children. */
export interface Workspaces {
  /** Makes a directory that only this user can enter. */
  readonly create: (name: string) => Promise<string>;
  /** Removes it with all that is in it; a directory that is gone already is no fault. */
  readonly remove: (path: string) => Promise<void>;
  /** Removes the instance's own directory; at the end of the process. */
  readonly close: () => Promise<void>;
}

/** @param root the host's temporary directory. @param instance name of this running proxy. */
export function createWorkspaces(root: string, instance: string): Workspaces {
  // A name that nobody can have taken before, in a place where everybody can: made anew, and for this user alone.
  const home = mkdtempSync(join(root, `${PREFIX}${instance}-`));
  return {
    create: async (name) => {
      const path = join(home, name);
      await mkdir(path, { mode: 0o700 });
      return path;
    },
    remove: removeTree,
    close: () => removeTree(home),
  };
}

/** Removes the directories of instances that run no more, as far as they are ours to remove; gives the number. */
export async function removeLeftoverWorkspaces(root: string): Promise<number> {
  let removed = 0;
  for (const name of readdirSync(root)) {
    if (!name.startsWith(PREFIX) || !isDeadInstance(name.slice(PREFIX.length))) continue;
    try {
      await removeTree(join(root, name));
      removed++;
    } catch {
      // Another user's, or made to look like one of ours: no reason not to start.
    }
  }
  return removed;
}

/** Removes a directory with all that is in it, read-only directories too: package caches make such. */
async function removeTree(path: string): Promise<void> {
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  try {
    await remove();
  } catch {
    await makeWritable(path);
    await remove();
  }
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}
