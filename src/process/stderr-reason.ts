/*
 * Which line of a child's stderr says why it could not start. Programs say it at one place and surround it with stacks, hints and
 * advertising; each finder below knows the habits of one kind of program, the surer ones first.
 */

/** Longest reason, in characters. */
const MAX_REASON = 400;

/** A JavaScript, Java or own error at the beginning of a line: `TypeError: …`, `Error [ERR_X]: …`, `error: …`, `Fatal error in main(): …`. */
const ERROR_LINE =
  /^(?:uncaught |unhandled |fatal |critical |startup |server |configuration )*(?:exception in thread \S+ )?(?:[\w$.]*(?:error|exception|failure)|fatal|panic)\b(?: \[\w+\])?(?: [^:]{1,60})?:\s*\S/i;

/** What a launcher or the system says of itself. */
const SYSTEM_LINE =
  /\b(?:EACCES|EPERM|EROFS|ENOSPC|ENOENT|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EADDRINUSE|CERT_\w+|SELF_SIGNED_\w+|ERR_PNPM_\w+)\b|permission denied|command not found|: not found\b|no such file or directory|read-only file system|no space left|cannot connect to the docker daemon|error response from daemon|(?:segmentation|bus) (?:fault|error)|segmentation fault|core dumped|out of memory|exec format error|illegal instruction/i;

/** What a server lacks. */
const MISSING_LINE =
  /\b(?:is|are|be) (?:required|missing|not set|not defined|unset|empty)\b|\bmust be (?:set|provided|given|specified)\b|\bmissing (?:required|api|env|environment|configuration|credentials|token|the)\b|\brequired (?:environment|argument|option|variable)\b|\bnot (?:been )?(?:set|configured|provided)\b|\bplease (?:set|provide|specify|configure)\b|\bno (?:api key|token|credentials)\b/i;

const COMPLAINT =
  /\b(?:errors?|fatal|fail(?:ed|ure|s)?|cannot|can't|could not|couldn't|unable|missing|required|denied|refused|invalid|unknown|unsupported|not found|no such|unauthorized|forbidden|expired|expects?|must|aborted|killed)\b/i;

/** What never says why, although it may hold such words. */
const NOISE: readonly RegExp[] = [
  /^at\s.+[):\d]$|^at (?:async )?[\w.<$]/,
  /^npm (?:notice|warn|WARN|verb|info|http)\b/,
  /^[\^~\s|]+$|^[{}\])(;,]+$/,
  /^(?:Node\.js|Bun|Deno) v?\d/,
  /^(?:code|errno|syscall|path|url|spawnargs|requireStack|cause|stack|isSync|dest|hostname|generatedMessage|actual|expected|operator|diff): /,
  /^Require stack:|^- \//,
  /A complete log of this run|^Note that you can also|tarball, folder, http url/,
  /^\(node:\d+\)|^\(Use `?node --trace|ExperimentalWarning|DeprecationWarning/,
  /^(?:See|Run|Try) '.+(?:help|information)|^note: run with|^For more information|^usage:/i,
  /^goroutine \d|^\[signal |^exit status \d/,
  /^(?:Installed|Resolved|Prepared|Downloading|Downloaded|Building|Built|Audited|Using|Updating|Fetching)\b/,
  /^(?:Traceback \(|File ")|During handling of the above|direct cause of the following/,
  /^Unable to find image '.+' locally$/,
  /^(?:node:|file:\/\/\/?\S+:\d+$|\/\S+:\d+$)|^throw\b|^\d+ \|/,
];

/** The line that says why, when one of them is recognised. @param lines without the credentials, in order. */
export function errorLineOf(lines: readonly string[]): string | undefined {
  const finders = [pythonError, rustPanic, goPanic, uvError, pydanticError, errorLine, npmError, systemError, missing];
  for (const find of finders) {
    const found = find(lines);
    if (found !== undefined) return found.replace(/\s+/g, " ").trim().slice(0, MAX_REASON);
  }
  return undefined;
}

/** The same for a child that has ended: then the last thing that it said will do. */
export function reasonOf(lines: readonly string[]): string | undefined {
  const plain = lines.map((line) => line.trim()).filter((line) => !isNoise(line));
  const reason = errorLineOf(lines) ?? plain.findLast((line) => COMPLAINT.test(line)) ?? plain.at(-1);
  return reason?.slice(0, MAX_REASON);
}

type Finder = (lines: readonly string[]) => string | undefined;

/** The last line of the last traceback; of a group of exceptions the one inside. */
const pythonError: Finder = (lines) => {
  const start = lines.findLastIndex((line) => line.includes("Traceback (most recent call last)"));
  if (start === -1) return undefined;
  const after = lines.slice(start + 1).map(withoutGroupRule);
  const at = after.findIndex((line) => /^[A-Za-z_][\w.]*(?::\s|$)/.test(line) && !/^(?:File|During)\b/.test(line));
  const exception = after[at];
  if (exception === undefined) return undefined;
  return /validation errors? for /.test(exception)
    ? `${exception}: ${after
        .slice(at + 1, at + 3)
        .map((line) => line.trim())
        .join(": ")}`
    : exception;
};

/** Python draws a rule beside what is inside an exception group. */
function withoutGroupRule(line: string): string {
  return line.replace(/^\s*\| ?/, "");
}

const pydanticError: Finder = (lines) => {
  const at = lines.findIndex((line) => /\d+ validation errors? for /.test(line));
  return at === -1 ? undefined : [lines[at], ...lines.slice(at + 1, at + 3)].map((line) => line?.trim()).join(": ");
};

/** `thread 'main' panicked at src/main.rs:4:5:`, and the reason in the line below; before Rust 1.73 in the same one. */
const rustPanic: Finder = (lines) => {
  const at = lines.findIndex((line) => /^thread '.*' (?:\(\d+\) )?panicked at /.test(line.trim()));
  if (at === -1) return undefined;
  const line = lines[at] ?? "";
  return line.trim().endsWith(":") ? `panic: ${lines[at + 1] ?? line}` : line;
};

const goPanic: Finder = (lines) => lines.find((line) => /^(?:panic|fatal error|panic\(main thread\)): /.test(line));

/** uv tells the reason in a tree, and what led to it as causes. */
const uvError: Finder = (lines) => {
  const branch = lines.findIndex((line) => /^\s*╰─▶/.test(line));
  if (branch !== -1) {
    const rest = lines.slice(branch + 1);
    const end = rest.findIndex((line) => !/^\s{4,}\S/.test(line));
    return [lines[branch], ...rest.slice(0, end === -1 ? rest.length : end)].join(" ").replace(/^\s*╰─▶\s*/, "");
  }
  const at = lines.findIndex((line, i) => /^error: /i.test(line) && /^\s*Caused by:/.test(lines[i + 1] ?? ""));
  if (at === -1) return undefined;
  // Rust's libraries put the causes below, one a line.
  const causes = lines.slice(at + 1).filter((line) => /^\s+(?:\d+: )?\S/.test(line) || /^\s*Caused by:/.test(line));
  return [lines[at], ...causes.slice(0, 4)].join(" ");
};

/** The last one: what a program says before may be of no consequence. What is indented belongs to another. */
const errorLine: Finder = (lines) =>
  lines.findLast((line) => {
    const text = line.replace(/^(?:\[[^\]]*\]\s*|\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,Z+-]+\s*|[-*✖❌🚨×>]+\s*)+/u, "");
    return /^\S/.test(line) && ERROR_LINE.test(text) && !/^npm /.test(line) && !isNoise(line.trim());
  }) ?? lines.findLast((line) => /^\S+: error: \S/.test(line));

/** npm puts code, call and path before the sentence, if there is one; for the system's own refusals they are the sentence. */
const npmError: Finder = (lines) => {
  const said = lines.flatMap((line) => /^npm (?:error|ERR!)\s?(.*)$/.exec(line)?.[1] ?? []);
  if (said.length === 0) return undefined;
  const field = (name: string) => said.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const code = field("code");
  if (code !== undefined && /^(?:EACCES|EPERM|EROFS|ENOSPC|EDQUOT|EEXIST|ENOTEMPTY|EINVALIDTAGNAME)$/.test(code)) {
    return `npm error code ${[code, field("syscall"), field("path")].filter((part) => part !== undefined).join(" ")}`;
  }
  const sentence = said.find(
    (line) =>
      /\S \S/.test(line) && !/^(?:code|errno|syscall|path|dest|command|A complete log|Note that|at )/.test(line),
  );
  return `npm error ${sentence ?? said.find((line) => line !== "") ?? ""}`;
};

const systemError: Finder = (lines) => lines.findLast((line) => SYSTEM_LINE.test(line) && !isNoise(line.trim()));

const missing: Finder = (lines) => lines.find((line) => MISSING_LINE.test(line) && !isNoise(line.trim()));

function isNoise(line: string): boolean {
  return line === "" || NOISE.some((pattern) => pattern.test(line));
}
