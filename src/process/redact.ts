/** Shorter values are too common in ordinary text to be taken for a credential. */
const SHORTEST_SECRET = 6;

/** Makes a function that puts `[NAME]` wherever the value of a variable stands in a text. */
export function createRedactor(secrets: Iterable<readonly [name: string, value: string]>): (text: string) => string {
  // Longest first: a value may contain another one.
  const known = [...secrets]
    .filter(([, value]) => value.length >= SHORTEST_SECRET)
    .sort(([, a], [, b]) => b.length - a.length);
  if (known.length === 0) return (text) => text;
  return (text) => known.reduce((redacted, [name, value]) => redacted.replaceAll(value, `[${name}]`), text);
}
