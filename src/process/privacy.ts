import { dlopen, FFIType } from "bun:ffi";

/** prctl(2): PR_SET_DUMPABLE. */
const PR_SET_DUMPABLE = 4;

/** glibc's name, then musl's. */
const C_LIBRARIES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * Hides this process's memory and environment from other processes of the same user: a child could read the proxy's
 * secret in /proc/PID/environ otherwise, however clean its own environment is. Linux only; gives whether it worked.
 */
export function hideFromSameUser(): boolean {
  if (process.platform !== "linux") return false;
  for (const name of C_LIBRARIES) {
    try {
      const library = dlopen(name, {
        prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
      });
      const result = library.symbols.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
      library.close();
      return result === 0;
    } catch {
      // Another C library: try the next name.
    }
  }
  return false;
}
