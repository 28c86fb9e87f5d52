/** The words of a command line, or what is wrong with it. */
export type Words =
  | { readonly ok: true; readonly words: readonly [string, ...string[]] }
  | { readonly ok: false; readonly problem: string };

/**
 * Splits a command line into words, once, when the configuration is read: what is spawned is the list of words, never a
 * line for a shell.
 *
 * Quoting is that of a POSIX shell (XCU 2.2): white space separates; single quotes keep everything; double quotes keep
 * everything but a backslash before `"`, `\`, `$`, a backquote or a newline; elsewhere a backslash keeps the next character.
 * Nothing is expanded and nothing is an operator: `$HOME`, `*`, `;`, `|` and `>` are ordinary characters.
 */
export function splitWords(line: string): Words {
  if (line.includes("\0")) return { ok: false, problem: "a command line cannot hold a NUL character" };
  const words: string[] = [];
  // undefined between words, so that an empty pair of quotes still makes a word.
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    const next = line.charAt(at + 1);
    if (character === quote) {
      quote = undefined;
    } else if (quote === "'") {
      word = (word ?? "") + character;
    } else if (character === "\\" && (quote === undefined || /^["\\$`\n]$/.test(next))) {
      if (next === "") return { ok: false, problem: "a backslash at the end of the line has nothing to quote" };
      // A backslash with a newline after it is a continued line: both go.
      if (next !== "\n") word = (word ?? "") + next;
      at++;
    } else if (quote === '"') {
      word = (word ?? "") + character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (/^[ \t\r\n]$/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== undefined) return { ok: false, problem: `a quote (${quote}) is opened but not closed` };
  if (word !== undefined) words.push(word);
  const [program, ...rest] = words;
  if (program === undefined || program === "") return { ok: false, problem: "it names no program" };
  return { ok: true, words: [program, ...rest] };
}
