import { lstatSync, mkdirSync, mkdtempSync, realpathSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { errorCode } from "./start-failure.ts";
import { WORKSPACES_PREFIX } from "./workspace.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A place below which browsers' sockets fit: their path may have 107 bytes, of which they need 45 and our names 20. */
const SHORT_ENOUGH = 42;

/** Where the children's directories are made. */
export type TemporaryRoot =
  | {
      readonly ok: true;
      readonly path: string;
      /** Every place where an earlier run may have had them. */
      readonly places: readonly string[];
      /** What is wrong with it, one sentence each. */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

/** Who but this user and root can write there: nobody, somebody above it, or somebody in it. */
const EXPOSURES = ["nobody", "above", "inside"] as const;

interface Place {
  readonly path: string;
  /** What the operator calls it. */
  readonly name: string;
}

interface Judged extends Place {
  readonly exposure: number;
  /** Why no directory can be made there. */
  readonly refusal: string | undefined;
}

/**
 * Finds the place for the children's directories. npm takes programs from every `node_modules/.bin` on the way up from the working
 * directory, so another user who can write anywhere above could run code as ours: a place that is only ours goes before TMPDIR, and
 * that before one that is nobody's.
 */
export function findTemporaryRoot(environment: Environment): TemporaryRoot {
  const places = candidates(environment);
  const judged = places.map(judge);
  const usable = judged.filter(({ refusal }) => refusal === undefined).sort((a, b) => weight(a) - weight(b));
  const [best] = usable;
  const named = judged.find(({ name }) => name === "TMPDIR");
  if (best === undefined) {
    const tried = judged.map(({ name, path, refusal }) => `${name} (${path}): ${refusal}`).join("; ");
    return {
      ok: false,
      problem: `No temporary directory can be made for servers. Tried ${tried}. Set TMPDIR to a directory that the proxy can write to.`,
    };
  }
  const warnings: string[] = [];
  if (named?.refusal !== undefined) {
    warnings.push(
      `TMPDIR is ${named.path}, where nothing can be written (${named.refusal}): servers get their directories in ${best.path}. Set TMPDIR to a directory that the proxy can write to.`,
    );
  }
  if (EXPOSURES[best.exposure] === "inside") {
    warnings.push(
      `Other users can write to ${best.path}, where servers get their directories, and npx takes programs from there: set TMPDIR to a directory of the proxy's own.`,
    );
  }
  if (best.path.length > SHORT_ENOUGH) {
    warnings.push(
      `${best.path} is so long that browsers cannot make their sockets below it: set TMPDIR to a shorter one.`,
    );
  }
  return { ok: true, path: best.path, places: [...new Set(judged.map(({ path }) => path))], warnings };
}

export function warningsOf(root: TemporaryRoot): readonly string[] {
  return root.ok ? root.warnings : [];
}

function candidates(environment: Environment): readonly Place[] {
  if (process.platform === "win32") return [{ name: "TEMP", path: tmpdir() }];
  const set = (name: string) => environment[name] || undefined;
  const home = set("HOME");
  const cache = set("XDG_CACHE_HOME") ?? (home === undefined ? undefined : join(home, ".cache"));
  const places = [
    { name: "TMPDIR", path: set("TMPDIR") },
    { name: set("XDG_CACHE_HOME") === undefined ? "HOME" : "XDG_CACHE_HOME", path: cache },
    { name: "XDG_RUNTIME_DIR", path: set("XDG_RUNTIME_DIR") },
    { name: "the system's own", path: "/tmp" },
  ];
  return places.flatMap(({ name, path }) => (path?.startsWith("/") === true ? [{ name, path }] : []));
}

function judge({ name, path: written }: Place): Judged {
  let path = written;
  try {
    if (name === "HOME") mkdirSync(written, { mode: 0o700, recursive: true });
    path = realpathSync(written);
    rmdirSync(mkdtempSync(join(path, WORKSPACES_PREFIX)));
    return { name, path, exposure: exposureOf(path), refusal: undefined };
  } catch (error) {
    return { name, path, exposure: 0, refusal: errorCode(error) };
  }
}

function exposureOf(path: string): number {
  if (isForeign(path)) return EXPOSURES.indexOf("inside");
  for (let above = dirname(path); ; above = dirname(above)) {
    if (isForeign(above)) return EXPOSURES.indexOf("above");
    if (above === dirname(above)) return EXPOSURES.indexOf("nobody");
  }
}

/** Whether others than this user and root can write to a directory. The group of this user alone counts as the user. */
function isForeign(path: string): boolean {
  const { uid, gid, mode } = lstatSync(path);
  if (uid !== 0 && uid !== process.getuid?.()) return true;
  const isOwnGroup = gid === 0 || (gid === process.getgid?.() && gid === uid);
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && !isOwnGroup);
}

function weight({ exposure, path }: Judged): number {
  return exposure * 2 + (path.length > SHORT_ENOUGH ? 1 : 0);
}

/** What is wrong with HOME: npx, uvx and many servers keep their downloads and settings there. */
export function homeWarnings(environment: Environment): readonly string[] {
  if (process.platform === "win32") return [];
  const home = environment["HOME"] ?? "";
  const way =
    "npx and uvx keep their downloads there and fail without: set HOME to a directory that the proxy can write to";
  if (home === "") return [`HOME is not set: ${way}.`];
  try {
    if (!statSync(home).isDirectory()) return [`HOME is ${home}, which is no directory: ${way}.`];
    rmdirSync(mkdtempSync(join(home, `.${WORKSPACES_PREFIX}`)));
    return [];
  } catch (error) {
    const code = errorCode(error);
    return [
      code === "ENOENT"
        ? `HOME is ${home}, which does not exist: ${way}.`
        : `HOME is ${home}, where nothing can be written (${code}): ${way}.`,
    ];
  }
}
