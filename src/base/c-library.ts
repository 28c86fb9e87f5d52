import { dlopen, type FFIFunction, type Library } from "bun:ffi";

/** glibc's name, then musl's. */
const NAMES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

/**
 * Opens the C library for what the runtime has no call for; undefined where it is not to be had: another system than
 * Linux, or a program built without FFI. Whoever calls does without, then.
 */
export function openCLibrary<const Symbols extends Record<string, FFIFunction>>(
  symbols: Symbols,
): Library<Symbols> | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of NAMES) {
    try {
      return dlopen(name, symbols);
    } catch {
      // Another C library: try the next name.
    }
  }
  return undefined;
}
