import { describe, expect, test } from "bun:test";
import { COMMANDS, readArguments } from "../../src/commands/arguments.ts";
import { ALL_SETTINGS } from "../../src/config/settings/settings.ts";
import { runProxy } from "../support/launch.ts";

/** The command, then the options as they were understood; or the problem. */
function read(...words: readonly string[]): readonly unknown[] | string {
  const invocation = readArguments(words);
  return invocation.ok ? [invocation.command, Object.fromEntries(invocation.flags)] : invocation.problem;
}

describe("a command line", () => {
  test("without a command serves", () => {
    expect(read()).toEqual(["serve", {}]);
    expect(read("--port", "1")).toEqual(["serve", { "--port": "1" }]);
  });

  test.each(Object.keys(COMMANDS))("may say %s", (command) => {
    expect(read(command)).toEqual([command, {}]);
  });

  test("has options before and after its command, with a blank or an equals sign before their value", () => {
    expect(read("--port=1", "check", "--host", "::1")).toEqual(["check", { "--port": "1", "--host": "::1" }]);
    expect(read("--base-path=/a=b")).toEqual(["serve", { "--base-path": "/a=b" }]);
    expect(read("--base-path=")).toEqual(["serve", { "--base-path": "" }]);
    expect(read("--port", "--host")).toEqual(["serve", { "--port": "--host" }]);
  });

  test("knows the option of every setting that has one", () => {
    const flags = ALL_SETTINGS.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
    expect(flags.length).toBeGreaterThan(10);
    for (const flag of flags) expect(read(flag, "x")).toEqual(["serve", { [flag]: "x" }]);
  });

  test.each([
    [["--help"], "help"],
    [["serve", "-h"], "help"],
    [["--version"], "version"],
    [["-v"], "version"],
  ])("%j asks for %s", (words, command) => {
    expect(read(...words)[0]).toBe(command);
  });

  test("is refused when it asks for two commands, gives an option twice or leaves its value out", () => {
    expect(read("serve", "check")).toContain("serve or check");
    expect(read("--port", "1", "--port=2")).toContain("--port comes more than once");
    expect(read("--port")).toContain("--port needs a value");
  });

  test.each([
    ["sevre", "did you mean serve?"],
    ["Check", "did you mean check?"],
    ["--prot", "did you mean --port?"],
    ["--prot=1", "did you mean --port?"],
    ["--x", "--help"],
    ["-p", "--help"],
    ["toString", "--help"],
    ["--", "--help"],
  ])("is refused with %s, and says: %s", (word, hint) => {
    expect(read(word)).toContain(hint);
    expect(read(word)).toStartWith("unknown ");
  });
});

describe("the program", () => {
  test.each([
    ["a command", "sevre", [], 'unknown command "sevre": did you mean serve?'],
    ["an option", "serve", ["--prot", "1"], 'unknown option "--prot": did you mean --port?'],
  ])("ends with 2 over %s that it does not know, whatever the configuration", async (_, command, args, words) => {
    const { exitCode, output } = await runProxy({ command, args, env: { MAXIM_SECRET: undefined } });
    expect(exitCode).toBe(2);
    expect(output.trim()).toBe(`mcp-sse-proxy: ${words}`);
  });
});
