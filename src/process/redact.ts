import { DECODINGS, decode, type Folded, fold, spellingsOf } from "./spelling.ts";

/** Shorter values are too common in ordinary text to be taken for a credential. */
const SHORTEST_SECRET = 6;

/** Inside a value, only what is as long as this is looked for by itself. */
const SHORTEST_PART = 16;

/** A character takes so many at most in any spelling: `\u0041`. */
const LONGEST_ESCAPE = 6;

/** So much of a secret's beginning at the end of a text makes one wait for more. */
const SHORTEST_BEGINNING = 4;

/** An escape of which the end has not come yet. */
const CUT_ESCAPE = /(?:%[0-9a-f]?|\\(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?)$/i;

/** Where a secret stands in a text. */
export interface SecretSpan {
  readonly start: number;
  readonly end: number;
  /** The variable whose value it is. */
  readonly name: string;
}

/** Takes secrets out of texts, also where they are escaped, encoded or broken into lines (spelling.ts). */
export interface Redactor {
  /** Puts `[NAME]` wherever the value of a variable stands in a text. */
  readonly redact: (text: string) => string;
  /** Where the secrets stand, in order; they do not overlap. */
  readonly find: (text: string) => readonly SecretSpan[];
  /** Whether the text ends in what may be the beginning of a secret. */
  readonly mayGoOn: (text: string) => boolean;
  /** Length of the longest secret: a text that is cut may hold the beginning of one in its last so many characters. */
  readonly longest: number;
}

export function createRedactor(secrets: Iterable<readonly [name: string, value: string]>): Redactor {
  const values = [...secrets].flatMap(([name, value]) => partsOf(value).map((part) => [name, part] as const));
  // Longest first: a value may contain another one.
  const needles = values
    .flatMap(([name, value]) => spellingsOf(value).map((needle) => ({ name, needle })))
    .filter(({ needle }) => needle.length >= SHORTEST_SECRET - 1)
    .sort((a, b) => b.needle.length - a.needle.length);
  const longest = Math.max(0, ...values.map(([, value]) => Buffer.byteLength(value) * LONGEST_ESCAPE));

  const find = (text: string): readonly SecretSpan[] => {
    if (needles.length === 0 || text.length < SHORTEST_SECRET) return [];
    const found: SecretSpan[] = [];
    for (const folded of readings(text)) {
      for (const { name, needle } of needles) {
        for (let at = folded.text.indexOf(needle); at !== -1; at = folded.text.indexOf(needle, at + needle.length)) {
          const start = folded.starts[at] ?? 0;
          const end = folded.ends[at + needle.length - 1] ?? text.length;
          found.push({ start, end, name });
        }
      }
    }
    return withoutOverlap(found);
  };

  return {
    find,
    redact: (text) => renderSpans(text, find(text)),
    mayGoOn: (text) =>
      needles.length > 0 &&
      readings(text.slice(-longest).replace(CUT_ESCAPE, "")).some(({ text: end }) =>
        needles.some(({ needle }) => endsInBeginning(end, needle)),
      ),
    longest,
  };
}

/** The text between two places, with the secrets' names for what is theirs; one that reaches across either place is named, too. */
export function renderSpans(text: string, spans: readonly SecretSpan[], from = 0, to = text.length): string {
  let rendered = "";
  let at = from;
  for (const { start, end, name } of spans) {
    if (end <= from || start >= to) continue;
    rendered += `${text.slice(at, Math.max(at, start))}[${name}]`;
    // Of a secret that was broken into lines the breaks remain.
    rendered += "\n".repeat(text.slice(Math.max(from, start), end).split("\n").length - 1);
    at = end;
  }
  return rendered + text.slice(at, Math.max(at, to));
}

/** A value, its lines, and the longer texts inside it: a header's credential, the members of a JSON object. */
function partsOf(value: string): readonly string[] {
  const whole = [value, ...value.split(/\r\n|\n|\r/)].filter((part) => part.length >= SHORTEST_SECRET);
  const inside = [...value.split(/\s+/), ...(/^\s*[[{]/.test(value) ? textsOf(parsed(value)) : [])];
  return [...new Set([...whole, ...inside.filter((part) => part.length >= SHORTEST_PART)])];
}

/** Whether a text ends in a beginning of the needle that is no trifle, and not in all of it. */
function endsInBeginning(text: string, needle: string): boolean {
  const last = text.slice(-SHORTEST_BEGINNING);
  if (last.length < SHORTEST_BEGINNING) return false;
  for (let at = needle.indexOf(last); at !== -1; at = needle.indexOf(last, at + 1)) {
    const length = at + SHORTEST_BEGINNING;
    if (length < needle.length && text.endsWith(needle.slice(0, length))) return true;
  }
  return false;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value, ...value.split(/\s+/)];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

function readings(text: string): readonly Folded[] {
  const all = [fold(text)];
  for (let i = 0; i < DECODINGS; i++) {
    const last = all.at(-1);
    if (last !== undefined && /[%\\&]/.test(last.text)) all.push(decode(last));
  }
  return all;
}

/** In order, those that touch one another's characters joined under the longest one's name. */
function withoutOverlap(found: readonly SecretSpan[]): readonly SecretSpan[] {
  const spans: SecretSpan[] = [];
  for (const span of [...found].sort((a, b) => a.start - b.start || b.end - a.end)) {
    const last = spans.at(-1);
    if (last === undefined || span.start >= last.end) spans.push(span);
    else if (span.end > last.end) spans[spans.length - 1] = { ...last, end: span.end };
  }
  return spans;
}
