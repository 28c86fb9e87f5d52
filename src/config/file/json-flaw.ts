/**
 * What Bun's parser (1.4.5) lets through in a JSON or JSONC file although a reader would be misled by it: a key that comes
 * twice in one object (the last one would win without a word), and anything after the end of the value (it would be ignored).
 *
 * @param text what the parser has accepted: strings, comments and brackets are balanced.
 * @returns the flaw, with its line; undefined when there is none.
 */
export function jsonFlaw(text: string): string | undefined {
  // For each open bracket the keys so far; undefined for a list.
  const open: (Set<string> | undefined)[] = [];
  let lastString: string | undefined;
  let complete = false;
  // Comments, strings (Bun takes single quotes, too), and every other character by itself.
  const token = /\/\/[^\n\r]*|\/\*.*?\*\/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s\uFEFF]/gs;
  for (const match of text.matchAll(token)) {
    const [found] = match;
    if (found.startsWith("//") || found.startsWith("/*")) continue;
    if (complete) return `there is more after the end of the value, in line ${lineOf(text, match.index)}`;
    const keys = open.at(-1);
    if (found === "{") open.push(new Set());
    else if (found === "[") open.push(undefined);
    else if (found === "}" || found === "]") {
      open.pop();
      complete = open.length === 0;
    } else if (found === ":" && keys !== undefined && lastString !== undefined) {
      const key = Bun.JSONC.parse(lastString);
      if (typeof key === "string") {
        if (keys.has(key))
          return `the key ${JSON.stringify(key)} comes twice, again in line ${lineOf(text, match.index)}`;
        keys.add(key);
      }
    }
    lastString = found.length > 1 ? found : undefined;
  }
  return undefined;
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split(/\r\n|\r|\n/).length;
}
