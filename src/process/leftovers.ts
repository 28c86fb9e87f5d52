import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeadInstance } from "./instance.ts";
import { lockState, lockText } from "./lock.ts";
import { LOCK_FILE, removeTree, WORKSPACES_PREFIX } from "./workspace.ts";

/** A directory without a lock may just have been made. */
const UNLOCKED_MS = 60_000;

/** As mkdtemp makes them. */
const WORKSPACES = new RegExp(`^${WORKSPACES_PREFIX}[A-Za-z0-9]{6}$`);

/** What version 0.1.0 and earlier called them: the instance's name followed. */
const EARLIER_PREFIX = "mcp-sse-proxy-";

/** What instances have left in the temporary directories of the host. */
export interface Leftovers {
  /** Directories of instances that run no more. */
  readonly directories: readonly string[];
  /** Whether the instance of a name runs no more: its lock says so, where it has one. */
  readonly isDead: (instance: string) => boolean;
}

/** Looks at the directories of all instances in these places. */
export function findLeftovers(roots: readonly string[]): Leftovers {
  const directories: string[] = [];
  /** By the name in the lock. */
  const known = new Map<string, boolean>();
  for (const directory of roots.flatMap(directoriesIn)) {
    const lock = join(directory.path, LOCK_FILE);
    const isOver =
      directory.instance === undefined ? isAbandoned(directory.path, lock) : isDeadInstance(directory.instance);
    if (directory.instance === undefined) known.set(lockText(lock), isOver);
    if (isOver) directories.push(directory.path);
  }
  return { directories, isDead: (instance) => known.get(instance) ?? isDeadInstance(instance) };
}

/** Removes directories, as far as they are ours to remove; gives the number. */
export async function removeDirectories(directories: readonly string[]): Promise<number> {
  let removed = 0;
  for (const directory of directories) {
    try {
      await removeTree(directory);
      removed++;
    } catch {
      // Another user's, or made to look like one of ours: no reason not to start.
    }
  }
  return removed;
}

function isAbandoned(path: string, lock: string): boolean {
  const state = lockState(lock);
  if (state === "missing") return Date.now() - (statOf(path)?.mtimeMs ?? Date.now()) > UNLOCKED_MS;
  return state === "unknown" ? isDeadInstance(lockText(lock)) : state === "free";
}

interface Found {
  readonly path: string;
  /** The name of its instance where the directory is called by it; else it is in the lock. */
  readonly instance: string | undefined;
}

function directoriesIn(root: string): readonly Found[] {
  return namesIn(root).flatMap((name): Found[] => {
    const path = join(root, name);
    const isEarlier = name.startsWith(EARLIER_PREFIX);
    if (!isEarlier && !WORKSPACES.test(name)) return [];
    const info = statOf(path);
    const isOurs = process.getuid === undefined || info?.uid === process.getuid();
    if (info?.isDirectory() !== true || !isOurs) return [];
    return [{ path, instance: isEarlier ? name.slice(EARLIER_PREFIX.length) : undefined }];
  });
}

function namesIn(root: string): readonly string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}

function statOf(path: string) {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
