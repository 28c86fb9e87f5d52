import type { FileSink } from "bun";

/** How a pipe answers a call: it takes the bytes, is full until `drain`, or is broken in one of the ways that are seen. */
export type SinkMood = "takes" | "full" | "throws" | "rejects";

/** A pipe into a child that does as it is told. */
export interface FakeSink extends FileSink {
  readonly written: () => string;
  /** The chunks that were given to it, one a call. */
  readonly writes: readonly string[];
  readonly setMood: (call: "write" | "flush" | "end", mood: SinkMood) => void;
  /** Settles the flushes that are pending; those to come are as the mood says. */
  readonly drain: () => void;
  readonly hasEnded: () => boolean;
}

export function createFakeSink(): FakeSink {
  const moods: Record<"write" | "flush" | "end", SinkMood> = { write: "takes", flush: "takes", end: "takes" };
  const writes: string[] = [];
  let pending: (() => void)[] = [];
  let ended = false;

  const act = (call: "write" | "flush" | "end", result: number): number | Promise<number> => {
    const broken = Object.assign(new Error("EPIPE: broken pipe"), { code: "EPIPE" });
    switch (moods[call]) {
      case "takes":
        return result;
      case "full":
        return new Promise((resolve) => pending.push(() => resolve(result)));
      case "throws":
        throw broken;
      case "rejects":
        return Promise.reject(broken);
    }
  };

  return {
    writes,
    written: () => writes.join(""),
    setMood: (call, mood) => {
      moods[call] = mood;
    },
    drain: () => {
      const settled = pending;
      pending = [];
      for (const settle of settled) settle();
    },
    hasEnded: () => ended,
    write: (chunk) => {
      const text = typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString();
      writes.push(text);
      return act("write", text.length) as number;
    },
    flush: () => act("flush", 0),
    end: () => {
      ended = true;
      return act("end", 0);
    },
    start: () => undefined,
    ref: () => undefined,
    unref: () => undefined,
  };
}
