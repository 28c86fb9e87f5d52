import { readFileSync } from "node:fs";

/** They end the proxy in order. SIGHUP comes when its terminal goes, or from whoever wants a new configuration read. */
const DRAINING = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** They would end the process at once, and mean nothing to it. */
const IDLE = ["SIGUSR1", "SIGUSR2"] as const;

/** Number of SIGHUP, whose bit in the mask is one lower (signal(7)). */
const SIGHUP = 1;

export interface SignalHandlers {
  readonly onDrain: (signal: NodeJS.Signals) => void;
  readonly onIdle: (signal: NodeJS.Signals) => void;
}

/** Takes the signals over. Windows has not all of them. @param keepsHangup SIGHUP stays ignored. */
export function takeSignals({ onDrain, onIdle }: SignalHandlers, keepsHangup: boolean): void {
  for (const signal of DRAINING) if (signal !== "SIGHUP" || !keepsHangup) process.on(signal, onDrain);
  if (process.platform !== "win32") for (const signal of IDLE) process.on(signal, onIdle);
}

/**
 * Whether the proxy was started with SIGHUP ignored, as nohup does for what is to outlive its terminal. To be asked before the process
 * hides itself: its own /proc entries are out of its reach afterwards.
 */
export function ignoresHangup(): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & (1n << BigInt(SIGHUP - 1))) !== 0n;
  } catch {
    return false;
  }
}
