import { textAt, valueAt } from "./json-edit.ts";

/** The value at a path of member names; undefined: it is not there. What it is, nobody has promised: check before use. */
export function jsonAt(line: Buffer, path: readonly string[]): unknown {
  const span = valueAt(line, path);
  return span === undefined ? undefined : JSON.parse(textAt(line, span));
}

/** The text at a path of member names; undefined: it is not there, or no string. */
export function stringAt(line: Buffer, path: readonly string[]): string | undefined {
  const value = jsonAt(line, path);
  return typeof value === "string" ? value : undefined;
}
