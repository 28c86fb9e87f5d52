import { mkdirSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
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
  const home = join(root, PREFIX + instance);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const remove = (path: string) => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  return {
    create: async (name) => {
      const path = join(home, name);
      await mkdir(path, { mode: 0o700 });
      return path;
    },
    remove,
    close: () => remove(home),
  };
}

/** Removes the directories of instances that run no more; gives the number. */
export async function removeLeftoverWorkspaces(root: string): Promise<number> {
  let removed = 0;
  for (const name of readdirSync(root)) {
    if (!name.startsWith(PREFIX) || !isDeadInstance(name.slice(PREFIX.length))) continue;
    await rm(join(root, name), { recursive: true, force: true });
    removed++;
  }
  return removed;
}
