import { FFIType } from "bun:ffi";
import { openCLibrary } from "../base/c-library.ts";

/** prctl(2): PR_SET_DUMPABLE. */
const PR_SET_DUMPABLE = 4;

/**
 * Hides this process's memory and environment from other processes of the same user: a child could read the proxy's
 * secret in /proc/PID/environ otherwise, however clean its own environment is. Root sees it all the same. Linux only;
 * gives whether it worked.
 */
export function hideFromSameUser(): boolean {
  const library = openCLibrary({
    prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  });
  if (library === undefined) return false;
  const result = library.symbols.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  library.close();
  return result === 0;
}
