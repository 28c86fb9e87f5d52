/** The sentence for a header that should be there; `source` is where the body has the value, if it has one. */
export function missingHeader(header: string, source: string, expected: string | undefined): string {
  return expected === undefined
    ? `The ${header} header is missing: every request must have it.`
    : `The ${header} header is missing: it must repeat ${source} of the body, ${shownValue(expected)}.`;
}

/** The sentence for a header with characters that no field value has. */
export function malformedHeader(header: string, came: string): string {
  return `The ${header} header must consist of visible ASCII characters, spaces and tabs; it is ${shownValue(came)}.`;
}

/** The sentence for a header that may be encoded, and that no value can be read from. */
export function unreadableHeader(header: string, came: string): string {
  return `The ${header} header must be visible ASCII with spaces and tabs, or =?base64?…?= around padded Base64 of UTF-8; it is ${shownValue(came)}.`;
}

/** The sentence for a header that says something else than the body. */
export function differingHeader(header: string, came: string, source: string, expected: string): string {
  return `The ${header} header must repeat ${source} of the body, ${shownValue(expected)}; it is ${shownValue(came)}.`;
}

const MAX_SHOWN = 100;

/** What would not be seen, or would rearrange the rest of a line: controls, format characters, lone surrogates, separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** A value from a request as a sentence may show it: quoted, its first 100 characters, nothing unprintable. */
export function shownValue(value: string): string {
  const head = value.slice(0, MAX_SHOWN);
  const quoted = JSON.stringify(head).replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, i) => unitEscape(character.charCodeAt(i))).join(""),
  );
  return head.length < value.length ? `${quoted} (and more)` : quoted;
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}
