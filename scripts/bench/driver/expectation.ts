import type { Message } from "./protocol.ts";

/** As much of a wrong answer is quoted. */
const QUOTED = 300;

/** Says what is wrong with an answer that does not hold what its message expects; undefined: nothing is. */
export function missingFrom(
  message: Message | undefined,
  bytes: Buffer,
  start: number,
  end: number,
): string | undefined {
  const expects = message?.expects;
  if (expects === undefined) return undefined;
  const at = bytes.indexOf(expects, start);
  if (at !== -1 && at + Buffer.byteLength(expects) <= end) return undefined;
  return `an answer without ${expects}: ${bytes.toString("utf8", start, Math.min(end, start + QUOTED))}`;
}
