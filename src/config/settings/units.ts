/** What every duration of the configuration must look like; it follows "expected" in a fault. */
export const DURATION_FORM = '0 (off) or a whole number with a unit, as in "250ms", "15s", "3m" or "1h", at most 596h';

/** What every size of the configuration must look like; it follows "expected" in a fault. */
export const SIZE_FORM =
  '0 (off), a whole number of bytes, or one with a unit of 1024, as in "512B", "64KB", "4MB" or "1GB"';

/** The same forms as regular expressions, for the parsers and for the JSON Schema that editors read. */
export const DURATION_PATTERN = "^(?:0|(0|[1-9][0-9]{0,9})(ms|s|m|h))$";
export const SIZE_PATTERN = "^(0|[1-9][0-9]{0,15})(B|KB|MB|GB)?$";

/** Units in milliseconds and in bytes, for whoever writes a default. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const MB = 1024 ** 2;

/** Largest unit first. */
const MILLISECONDS: ReadonlyMap<string, number> = new Map(Object.entries({ h: HOUR, m: MINUTE, s: SECOND, ms: 1 }));
const BYTES: ReadonlyMap<string, number> = new Map(Object.entries({ GB: 1024 * MB, MB, KB: 1024, B: 1 }));

/** A timer that is set for longer than this many milliseconds fires at once instead (setTimeout keeps 31 bits). */
const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * Reads a duration of the configuration.
 *
 * @returns milliseconds, or undefined when the value does not have the DURATION_FORM. 0 means off.
 */
export function parseDuration(value: unknown): number | undefined {
  const match = new RegExp(DURATION_PATTERN).exec(asText(value));
  if (match === null) return undefined;
  const milliseconds = match[2] === undefined ? 0 : Number(match[1]) * (MILLISECONDS.get(match[2]) ?? Number.NaN);
  return milliseconds <= MAX_DURATION_MS ? milliseconds : undefined;
}

/**
 * Reads a size of the configuration.
 *
 * @returns bytes, or undefined when the value does not have the SIZE_FORM. 0 means off.
 */
export function parseSize(value: unknown): number | undefined {
  const match = new RegExp(SIZE_PATTERN).exec(asText(value));
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (BYTES.get(match[2] ?? "B") ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Writes milliseconds in the largest unit that loses nothing: 180000 is "3m". */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, MILLISECONDS);
}

/** Writes bytes in the largest unit that loses nothing: 4194304 is "4MB". */
export function formatSize(bytes: number): string {
  return format(bytes, BYTES);
}

function format(value: number, units: ReadonlyMap<string, number>): string {
  if (value === 0) return "0";
  for (const [unit, factor] of units) if (value % factor === 0) return `${value / factor}${unit}`;
  return String(value);
}

function asText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
