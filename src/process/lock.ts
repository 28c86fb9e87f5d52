import { FFIType } from "bun:ffi";
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { openCLibrary } from "../base/c-library.ts";

/** flock(2) */
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

/** Whether a file's lock is held by a process that lives; `unknown` where the system cannot be asked. */
export type LockState = "held" | "free" | "missing" | "unknown";

/**
 * Makes a file that holds a text and keeps it locked until this process ends: the kernel lets go of the lock then, however that comes
 * about. No child inherits it (O_CLOEXEC). @returns the file's closer. Where there is no flock (musl without FFI, macOS, Windows) the
 * file has its text alone.
 */
export function holdLock(path: string, text: string): () => void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  writeSync(fd, text);
  flock(fd, LOCK_EX | LOCK_NB);
  return () => closeSync(fd);
}

/** Looks at a lock that another process may hold. */
export function lockState(path: string): LockState {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT" ? "missing" : "unknown";
  }
  try {
    const taken = flock(fd, LOCK_EX | LOCK_NB);
    if (taken === undefined) return "unknown";
    if (taken) flock(fd, LOCK_UN);
    return taken ? "free" : "held";
  } finally {
    closeSync(fd);
  }
}

/** The text in a lock's file; "" when it cannot be read. */
export function lockText(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, 200);
  } catch {
    return "";
  }
}

function flock(fd: number, operation: number): boolean | undefined {
  const library = openCLibrary({ flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });
  if (library === undefined) return undefined;
  try {
    return library.symbols.flock(fd, operation) === 0;
  } finally {
    library.close();
  }
}
