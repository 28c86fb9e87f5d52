import { stat } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import type { Fault } from "../fault.ts";
import { jsonFlaw } from "./json-flaw.ts";

/** The names that are looked for in the working directory when none is given. */
export const DEFAULT_FILES = ["json", "jsonc", "yaml", "toml"].map((extension) => `mcp-sse-proxy.${extension}`);

/** Largest configuration file, in bytes. */
const MAX_FILE_BYTES = 1024 ** 2;

type Format = "jsonc" | "yaml" | "toml";

const FORMATS: ReadonlyMap<string, Format> = new Map([
  [".json", "jsonc"],
  [".jsonc", "jsonc"],
  [".yaml", "yaml"],
  [".yml", "yaml"],
  [".toml", "toml"],
]);

/** A configuration file that was read, or that there is none. */
export interface ReadFile {
  /** The name as it was given or found, for messages; undefined: there is no file. */
  readonly name: string | undefined;
  /** Where relative paths in it start; the working directory when there is no file. */
  readonly directory: string;
  /** What the file holds; undefined when there is none or it could not be read. */
  readonly content: unknown;
  readonly faults: readonly Fault[];
}

/**
 * Finds and reads the configuration file.
 *
 * @param given the file that the operator named; undefined: one of DEFAULT_FILES, if there is one. Two of them are a fault,
 * because the one that is edited may not be the one that counts.
 */
export async function readConfigurationFile(given: string | undefined, workingDirectory: string): Promise<ReadFile> {
  if (given !== undefined) return read(given, resolve(workingDirectory, given));
  const exists = await Promise.all(DEFAULT_FILES.map((name) => Bun.file(resolve(workingDirectory, name)).exists()));
  const [name, ...others] = DEFAULT_FILES.filter((_, index) => exists[index]);
  if (name === undefined) return { name, directory: workingDirectory, content: undefined, faults: [] };
  if (others.length > 0) {
    const problem = `found beside ${others.join(" and ")}: keep one, or name one with --config`;
    return { name, directory: workingDirectory, content: undefined, faults: [{ where: name, problem }] };
  }
  return read(name, resolve(workingDirectory, name));
}

async function read(name: string, path: string): Promise<ReadFile> {
  const directory = dirname(path);
  const refuse = (problem: string): ReadFile => ({
    name,
    directory,
    content: undefined,
    faults: [{ where: name, problem }],
  });
  const format = FORMATS.get(extname(path).toLowerCase());
  if (format === undefined) return refuse(`expected a name that ends in ${[...FORMATS.keys()].join(", ")}`);
  const text = await readText(path);
  if (!text.ok) return refuse(text.problem);
  const content = parse(format, text.text);
  // Not the parser's own words: they quote what they found, which may be a secret.
  if (!content.ok) {
    return refuse(`not valid ${format === "jsonc" ? "JSON" : format.toUpperCase()}${await locate(path, format)}`);
  }
  const flaw = format === "jsonc" ? jsonFlaw(text.text) : undefined;
  // An empty YAML file holds null.
  return flaw === undefined ? { name, directory, content: content.value ?? {}, faults: [] } : refuse(flaw);
}

type FileText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string };

async function readText(path: string): Promise<FileText> {
  try {
    const info = await stat(path);
    // Opening a named pipe would wait for its writer.
    if (!info.isFile()) return { ok: false, problem: "not a regular file" };
    if (info.size > MAX_FILE_BYTES) return { ok: false, problem: `expected at most 1MB, got ${info.size} bytes` };
    const bytes = await Bun.file(path).bytes();
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, problem: "not valid UTF-8" };
    return { ok: false, problem: `${basename(path)} cannot be read (${errorCode(error)})` };
  }
}

function parse(format: Format, text: string): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    if (format === "yaml") return { ok: true, value: Bun.YAML.parse(text) };
    return { ok: true, value: format === "toml" ? Bun.TOML.parse(text) : Bun.JSONC.parse(text) };
  } catch {
    // A SyntaxError, or a RangeError for nesting too deep: either way it is not a file for us.
    return { ok: false };
  }
}

/**
 * Where the syntax error is. The parsers that take a text don't tell (Bun 1.4.5); the module loader, which parses the same
 * formats with the same parsers, does. As data it runs nothing.
 */
async function locate(path: string, format: Format): Promise<string> {
  try {
    await import(Bun.pathToFileURL(path).href, { with: { type: format } });
  } catch (error) {
    const position = error instanceof BuildMessage ? error.position : null;
    if (position !== null) return `: see line ${position.line}, column ${position.column}`;
  }
  return "";
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown error";
}
