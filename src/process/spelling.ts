/** A text as it is compared: without blanks and case, with the place in the original that each character came from. */
export interface Folded {
  readonly text: string;
  /** For each character, where what it stands for begins in the original. */
  readonly starts: readonly number[];
  /** For each character, where that ends. */
  readonly ends: readonly number[];
}

/** What a text is taken apart into: an escape of one character (URL, JSON, program source, HTML), or a plain character. */
const TOKEN = /%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[nrtbf"'\\/]|&(?:amp|lt|gt|quot|#39);|./gisu;

const ESCAPED: ReadonlyMap<string, string> = new Map([
  ...(["n", "r", "t", "b", "f"] as const).map((letter) => [`\\${letter}`, ""] as const),
  ...(['"', "'", "\\", "/"] as const).map((letter) => [`\\${letter}`, letter] as const),
  ...([
    ["&amp;", "&"],
    ["&lt;", "<"],
    ["&gt;", ">"],
    ["&quot;", '"'],
    ["&#39;", "'"],
  ] as const),
]);

/** Escapes inside escapes, such as JSON in JSON, are undone so often. */
export const DECODINGS = 2;

/** The text as it stands: nothing is unescaped. */
export function fold(text: string): Folded {
  const starts: number[] = [];
  const ends: number[] = [];
  let folded = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (/\s/.test(character)) continue;
    folded += foldCharacter(character);
    starts.push(at);
    ends.push(at + 1);
  }
  return { text: folded, starts, ends };
}

/** Undoes one layer of escapes. Line breaks go with all blanks, so that what was wrapped is whole again. */
export function decode(folded: Folded): Folded {
  const starts: number[] = [];
  const ends: number[] = [];
  let text = "";
  for (const match of folded.text.matchAll(TOKEN)) {
    const [token] = match;
    const character = decoded(token);
    if (character === "") continue;
    for (let unit = 0; unit < character.length; unit++) {
      text += foldCharacter(character[unit] ?? "");
      starts.push(folded.starts[match.index] ?? 0);
      ends.push(folded.ends[match.index + token.length - 1] ?? 0);
    }
  }
  return { text, starts, ends };
}

/**
 * The forms in which a value may stand in a text that has been folded, or decoded so and so often: itself, its UTF-8 bytes as URLs
 * escape them, with `+` for a blank, in hexadecimal, and in Base64 at each of the three places at which it can begin in a longer text.
 */
export function spellingsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  const forms = [value, value.replaceAll(" ", "+")];
  const plain = [...forms, ...forms.map((form) => Buffer.from(form).toString("latin1"))].map(fold);
  const all = [
    ...plain.map(({ text }) => text),
    // A text that happens to hold an escape is decoded where it stands, too.
    ...plain.map((folded) => decode(folded).text),
    bytes.toString("hex"),
    ...base64Spellings(bytes),
  ];
  return [...new Set(all)];
}

/** Without the characters at either end that depend on the neighbours. */
function base64Spellings(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const from = before === 0 ? 0 : before + 1;
    const rest = (before + bytes.length) % 3;
    return fold(encoded.slice(from, rest === 0 ? undefined : -1)).text;
  });
}

/** The URL-safe alphabet of Base64 has `-` and `_` for `+` and `/`; hexadecimal digits come in either case. */
function foldCharacter(character: string): string {
  if (character === "-") return "+";
  if (character === "_") return "/";
  const lower = character.toLowerCase();
  return lower.length === character.length ? lower : character;
}

function decoded(token: string): string {
  if (token.length === 1) return token;
  if (token.startsWith("%") || /^\\[ux]/i.test(token)) {
    const character = String.fromCharCode(Number.parseInt(token.replace(/^(?:%|\\[ux])/i, ""), 16));
    return /\s/.test(character) ? "" : character;
  }
  return ESCAPED.get(token.toLowerCase()) ?? token;
}
