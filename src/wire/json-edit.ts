import { isNamed, nameAt, spaceEnd, valueEnd, walkMembers } from "./json-walk.ts";

// Messages are edited as bytes: written anew by JSON.stringify, numbers above 2^53, members that come twice and spacing would
// change. Everything here takes JSON that has passed the scanner (json-scan.ts); what it does to other bytes has no meaning.

/** The bytes of one JSON value, without the whitespace around it; `end` is the place behind the last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its name with escapes undone, the place of the name's opening quote, and its value. */
export interface MemberSpan {
  readonly name: string;
  readonly nameStart: number;
  readonly value: Span;
}

/** Replaces the bytes from `start` up to, not including, `end`; the two are equal where text is only put in. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string | Buffer;
}

const OPEN_OBJECT = 0x7b;

/** The members of the object at `object` (whose first byte is `{`), in order, with those that come twice. */
export function membersOf(bytes: Buffer, object: Span): MemberSpan[] {
  const members: MemberSpan[] = [];
  walkMembers(bytes, object.start, (nameStart, nameEnd, start) => {
    const value = { start, end: valueEnd(bytes, start) };
    members.push({ name: nameAt(bytes, nameStart + 1, nameEnd - 1), nameStart, value });
    return value.end;
  });
  return members;
}

/**
 * The value at a path of member names, such as `["params", "_meta", "progressToken"]`; undefined: it is not there, or
 * something on the way is no object. Of a name that comes twice the last one counts, as for JSON.parse.
 *
 * One pass over the bytes, which goes to the end of each object on the way because of that rule.
 *
 * @param root where the path begins; by default the message's top level. An empty path means the root itself.
 */
export function valueAt(bytes: Buffer, path: readonly string[], root?: Span): Span | undefined {
  let found: Span | undefined;
  const descend = (start: number, depth: number): number => {
    const wanted = path[depth];
    if (wanted === undefined) {
      found = { start, end: valueEnd(bytes, start) };
      return found.end;
    }
    if (bytes[start] !== OPEN_OBJECT) return valueEnd(bytes, start);
    return walkMembers(bytes, start, (nameStart, nameEnd, valueStart) => {
      if (!isNamed(bytes, nameStart + 1, nameEnd - 1, wanted)) return valueEnd(bytes, valueStart);
      // The member before it of this name, and all that was found in that, is overruled.
      found = undefined;
      return descend(valueStart, depth + 1);
    });
  };
  descend(root?.start ?? spaceEnd(bytes, 0), 0);
  return found;
}

/** The JSON text of a value, as it stands there. */
export function textAt(bytes: Buffer, span: Span): string {
  return bytes.toString("utf8", span.start, span.end);
}

/** Whether a value is an object. */
export function isObjectAt(bytes: Buffer, span: Span): boolean {
  return bytes[span.start] === OPEN_OBJECT;
}

/**
 * Applies edits, given in any order; without any, answers the bytes themselves, not a copy. At one place, texts that are
 * put in come first, in the order given, then what replaces the bytes there.
 *
 * @throws RangeError when edits overlap or leave the bytes: the message that came out would be garbage.
 */
export function applyEdits(bytes: Buffer, edits: readonly Edit[]): Buffer {
  if (edits.length === 0) return bytes;
  const ordered = edits.length === 1 ? edits : edits.toSorted((a, b) => a.start - b.start || a.end - b.end);
  let length = bytes.length;
  let last = 0;
  for (const { start, end, text } of ordered) {
    if (start < last || end < start || end > bytes.length) {
      throw new RangeError(
        `an edit of the bytes ${start} to ${end} of ${bytes.length} overlaps another or leaves them`,
      );
    }
    length += byteLength(text) - (end - start);
    last = end;
  }
  const edited = Buffer.allocUnsafe(length);
  let from = 0;
  let to = 0;
  for (const { start, end, text } of ordered) {
    to += bytes.copy(edited, to, from, start);
    to += typeof text === "string" ? edited.write(text, to) : text.copy(edited, to);
    from = end;
  }
  bytes.copy(edited, to, from);
  return edited;
}

/**
 * An edit that puts members in at the front of an object; once an object in each call of `applyEdits`.
 *
 * @param membersText JSON text such as `"a":1,"b":2`, without outer commas; empty: nothing is put in.
 * @param remaining how many of the object's members stay. To be given when `removeMembers` works on the same object (zero
 *   or not is what counts); by default all of them do.
 */
export function insertMembers(bytes: Buffer, object: Span, membersText: string, remaining?: number): Edit {
  const at = object.start + 1;
  const isAlone = remaining === undefined ? spaceEnd(bytes, at) === object.end - 1 : remaining === 0;
  return { start: at, end: at, text: membersText === "" || isAlone ? membersText : `${membersText},` };
}

/**
 * Edits that remove every member with such a name from an object; what is left is valid JSON whichever they are. They
 * go together with one of `insertMembers` on the same object, which must then be told how many members remain, and with
 * edits inside the values that stay.
 */
export function removeMembers(bytes: Buffer, object: Span, isRemoved: (name: string) => boolean): Edit[] {
  const edits: Edit[] = [];
  /** End of the last member that stays. */
  let keptEnd = -1;
  /** The members to be removed since then: where the first begins and the last ends. */
  let runStart = -1;
  let runEnd = -1;
  for (const { name, nameStart, value } of membersOf(bytes, object)) {
    if (isRemoved(name)) {
      if (runStart === -1) runStart = nameStart;
      runEnd = value.end;
      continue;
    }
    // A run takes the comma behind it along, and the last one of the object the comma before it.
    if (runStart !== -1) edits.push(cut(runStart, nameStart));
    runStart = -1;
    keptEnd = value.end;
  }
  if (runStart !== -1) edits.push(cut(keptEnd === -1 ? runStart : keptEnd, runEnd));
  return edits;
}

function cut(start: number, end: number): Edit {
  return { start, end, text: "" };
}

function byteLength(text: string | Buffer): number {
  return typeof text === "string" ? Buffer.byteLength(text) : text.length;
}
