/** Shorter values are too common in ordinary text to be taken for a credential. */
const SHORTEST_SECRET = 6;

/** Takes secrets out of texts. */
export interface Redactor {
  /** Puts `[NAME]` wherever the value of a variable stands in a text. */
  readonly redact: (text: string) => string;
  /** Length of the longest secret: a text that is cut may hold the beginning of one in its last so many characters. */
  readonly longest: number;
}

export function createRedactor(secrets: Iterable<readonly [name: string, value: string]>): Redactor {
  // Longest first: a value may contain another one.
  const known = [...secrets]
    .flatMap(([name, value]) => value.split(/\r\n|\n|\r/).map((line) => [name, line] as const))
    .filter(([, value]) => value.length >= SHORTEST_SECRET)
    .sort(([, a], [, b]) => b.length - a.length);
  return {
    redact: (text) => known.reduce((redacted, [name, value]) => redacted.replaceAll(value, () => `[${name}]`), text),
    longest: known[0]?.[1].length ?? 0,
  };
}
