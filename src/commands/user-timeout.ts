import { FFIType, ptr } from "bun:ffi";
import { openCLibrary } from "../base/c-library.ts";

// socket(7), tcp(7)
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const IPPROTO_TCP = 6;
const TCP_USER_TIMEOUT = 18;

/** The listening socket is made right after the start: its descriptor is a low one. */
const DESCRIPTORS = 256;

/**
 * Lets the kernel give up a connection whose peer acknowledges nothing for so long: heartbeats to a client that has
 * vanished without a word would wait for a quarter of an hour otherwise. Set on the listening socket, from which accepted
 * ones inherit it. Linux only; gives the number of listening sockets that took it.
 */
export function setUserTimeout(ms: number): number {
  const library = openCLibrary({
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    setsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  });
  if (library === undefined) return 0;
  const { getsockopt, setsockopt } = library.symbols;
  const isListening = Int32Array.of(0);
  const size = Uint32Array.of(4);
  const timeout = Uint32Array.of(ms);
  let set = 0;
  for (let fd = 0; fd < DESCRIPTORS; fd++) {
    isListening[0] = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(isListening), ptr(size)) !== 0 || isListening[0] !== 1) continue;
    if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ptr(timeout), 4) === 0) set++;
  }
  library.close();
  return set;
}
