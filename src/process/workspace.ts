import { lstatSync, mkdirSync, mkdtempSync, type Stats } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { holdLock } from "./lock.ts";

/** What an instance's directory is called, before six random characters: short, for the sake of sockets inside. */
export const WORKSPACES_PREFIX = "mcp-";

/** The file in it that is locked for as long as the instance lives; it holds the instance's name. */
export const LOCK_FILE = "lock";

/** A name that somebody has taken already is no obstacle, but for one who takes all of them. */
const ATTEMPTS = 8;

/** Random characters of a child's directory, each of 32. */
const NAME_LENGTH = 8;

/** The temporary directories of one instance's children. */
export interface Workspaces {
  /** Makes a directory that only this user can enter, of a name that nobody can foresee. */
  readonly create: () => Promise<string>;
  /** Removes it with all that is in it; a directory that is gone already is no fault. */
  readonly remove: (path: string) => Promise<void>;
  /** Removes the instance's own directory; at the end of the process. */
  readonly close: () => Promise<void>;
}

/** The instance's own directory, with what proves that it is still the one that was made. */
interface Home {
  readonly path: string;
  readonly inode: number;
  readonly device: number;
  readonly unlock: () => void;
}

/**
 * @param root where only this user and root can write, if there is such a place (temporary-root.ts).
 * @param instance name of this running proxy.
 */
export function createWorkspaces(root: string, instance: string): Workspaces {
  const homes: Home[] = [];
  const makeHome = (): Home => {
    const path = makeDirectory(root);
    const unlock = holdLock(join(path, LOCK_FILE), instance);
    const { ino, dev } = lstatSync(path);
    const home = { path, inode: ino, device: dev, unlock };
    homes.push(home);
    return home;
  };
  let home = makeHome();

  const create = async (attempt = 1): Promise<string> => {
    // A cleaner of /tmp may have removed it, and somebody else made one of the same name.
    if (!isThere(home)) home = makeHome();
    const path = join(home.path, randomName());
    try {
      await mkdir(path, { mode: 0o700 });
      // npm takes programs and settings from the nearest folder upwards with one of these: it is to look no further. A package.json
      // would make a member of another project of it, if one further up names it.
      await mkdir(join(path, "node_modules"), { mode: 0o700 });
      return path;
    } catch (error) {
      if (attempt >= ATTEMPTS || !isRace(error)) throw error;
      return create(attempt + 1);
    }
  };

  return {
    create: () => create(),
    remove: removeTree,
    close: async () => {
      for (const { path, unlock } of homes.splice(0)) {
        await removeTree(path);
        unlock();
      }
    },
  };
}

/** Removes a directory with all that is in it, read-only directories too: package caches make such. */
export async function removeTree(path: string): Promise<void> {
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
  try {
    await remove();
  } catch {
    await makeWritable(path);
    await remove();
  }
}

/** A name that nobody has taken, in a place where everybody may be able to: made anew, and for this user alone. */
function makeDirectory(root: string): string {
  try {
    return mkdtempSync(join(root, WORKSPACES_PREFIX));
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    mkdirSync(root, { recursive: true, mode: 0o700 });
    return mkdtempSync(join(root, WORKSPACES_PREFIX));
  }
}

function isThere({ path, inode, device }: Home): boolean {
  let found: Stats;
  try {
    found = lstatSync(path);
  } catch {
    return false;
  }
  return found.isDirectory() && found.ino === inode && found.dev === device;
}

function randomName(): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return [...crypto.getRandomValues(new Uint8Array(NAME_LENGTH))].map((byte) => alphabet[byte % 32] ?? "a").join("");
}

/** Somebody has made one of this name, or has removed what it was to stand in. */
function isRace(error: unknown): boolean {
  return isCode(error, "EEXIST") || isCode(error, "ENOENT");
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

async function makeWritable(directory: string): Promise<void> {
  await chmod(directory, 0o700);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(directory, entry.name));
  }
}
