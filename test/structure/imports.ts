/** A source file as the check sees it: its path from the repository's root, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Rooms from the top down; a room may import itself and any room on a lower level (the project's design, "Where things live"). */
const LEVELS: readonly (readonly string[])[] = [
  ["main"],
  ["app"],
  ["transport"],
  ["session", "stateless"],
  ["bridge"],
  ["pool"],
  ["config"],
  ["ops", "guard", "link"],
  ["process", "wire"],
  ["base"],
];

/** A file longer than this holds a second thing that wants a file of its own. */
const MAX_LINES = 300;

function levelOf(room: string): number {
  return LEVELS.findIndex((rooms) => rooms.includes(room));
}

/** Room of a path under src/: its first folder, with the command line's files counted as main; undefined for a stranger. */
function roomOf(path: string): string | undefined {
  const [, first = ""] = path.split("/");
  if (["main.ts", "version.ts", "commands"].includes(first)) return "main";
  const room = first.replace(/\.ts$/, "");
  return levelOf(room) === -1 || room === "main" ? undefined : room;
}

/** Specifiers of every import and re-export, static or dynamic, of values or of types. */
function specifiers(text: string): string[] {
  const found = new Bun.Transpiler({ loader: "ts" }).scanImports(text).map((entry) => entry.path);
  // scanImports leaves out what only types use, for which the direction holds as well.
  const typed = /^\s*(?:import|export)\s[^;]*?\bfrom\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;
  for (const match of text.matchAll(typed)) found.push(match[1] ?? match[2] ?? "");
  return [...new Set(found)];
}

/** Path of a relative specifier from the repository's root; undefined for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function importFaults(file: SourceFile, room: string): string[] {
  const faults: string[] = [];
  for (const specifier of specifiers(file.text)) {
    const target = resolve(file.path, specifier);
    if (target === undefined || !target.startsWith("src/")) continue; // a package, or an asset such as package.json
    const other = roomOf(target);
    if (other === undefined || other === room) continue; // a stranger is reported for itself
    const step = levelOf(other) - levelOf(room);
    if (step < 0) faults.push(`${file.path}: imports upwards, from ${room} to ${other} (${specifier})`);
    if (step === 0) faults.push(`${file.path}: imports sideways, from ${room} to ${other} (${specifier})`);
  }
  return faults;
}

/** True for a file whose every statement hands on what another file exports. */
function isBarrel(text: string): boolean {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "").trim();
  const rest = code
    .replace(/export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s*from\s*["'][^"']+["'];?/g, "")
    .trim();
  return code !== "" && rest === "";
}

/** What is wrong with the structure of the given source files: a line each, nothing when all is well. */
export function structureFaults(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined) return [`${file.path}: is in none of the rooms`];
    const faults = importFaults(file, room);
    if (isBarrel(file.text)) faults.push(`${file.path}: only re-exports: import from the file that defines it`);
    const lines = file.text.trimEnd().split("\n").length;
    if (lines > MAX_LINES) faults.push(`${file.path}: has ${lines} lines, more than ${MAX_LINES}`);
    return faults;
  });
}
