import { describe, expect, test } from "bun:test";
import { splitWords } from "../../../src/config/allowlist/words.ts";

describe("a command line", () => {
  test.each<[string, string[]]>([
    ["npx -y exa-mcp-server", ["npx", "-y", "exa-mcp-server"]],
    ["  a \t b\n c\r\n", ["a", "b", "c"]],
    ["a 'b c' d", ["a", "b c", "d"]],
    ['a "b c" d', ["a", "b c", "d"]],
    ["a '' \"\" b", ["a", "", "", "b"]],
    ["a x'y z'\"w\"", ["a", "xy zw"]],
    [`a 'say "hi"' "it's"`, ["a", 'say "hi"', "it's"]],
    ["a b\\ c \\'d \\\\", ["a", "b c", "'d", "\\"]],
    ['a "b\\"c\\\\d\\$e\\`f"', ["a", 'b"c\\d$e`f']],
    ['a "C:\\new"', ["a", "C:\\new"]],
    ["a 'b\\c'", ["a", "b\\c"]],
    ["a b\\\nc", ["a", "bc"]],
    ['a "b\\\nc"', ["a", "bc"]],
  ])("%j is split as a POSIX shell would", (line, words) => {
    expect(splitWords(line)).toEqual({ ok: true, words: words as [string, ...string[]] });
  });

  test("F4: with shell characters keeps them as they are", () => {
    const line = "a $HOME $(id) `id` ; | && > * ? ~ # { } ! $" + "{HOME}";
    expect(splitWords(line)).toEqual({ ok: true, words: line.split(" ") as [string, ...string[]] });
  });

  test.each(["a 'b", 'a "b', "a 'b\"", 'a "b\\"', "'"])("%j is refused for its open quote", (line) => {
    expect(splitWords(line)).toMatchObject({ ok: false, problem: expect.stringContaining("not closed") });
  });

  test("that ends in a backslash is refused", () => {
    expect(splitWords("a b\\")).toMatchObject({ ok: false, problem: expect.stringContaining("backslash") });
  });

  test.each(["", "   ", "'' a", '"" a'])("%j is refused, as it names no program", (line) => {
    expect(splitWords(line)).toMatchObject({ ok: false, problem: expect.stringContaining("no program") });
  });

  test("with a NUL is refused, as the system would cut the word there", () => {
    expect(splitWords("a b\0c")).toMatchObject({ ok: false, problem: expect.stringContaining("NUL") });
  });
});
