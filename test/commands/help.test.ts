import { describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/commands/arguments.ts";
import { helpText } from "../../src/commands/help.ts";
import { ALL_SETTINGS, writtenText } from "../../src/config/settings/settings.ts";
import { runProxy } from "../support/launch.ts";

const text = helpText("1.2.3");

describe("the help", () => {
  test("begins with the version and tells of every command", () => {
    expect(text).toStartWith("mcp-sse-proxy 1.2.3\n");
    for (const name of Object.keys(COMMANDS)) expect(text).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
    for (const what of Object.values(COMMANDS)) expect(text).toContain(what);
  });

  test.each(ALL_SETTINGS.map((setting) => [setting.environment, setting] as const))(
    "tells of %s with its option and its default",
    (environment, { flag, defaultWritten }) => {
      const line = text.split("\n").find((one) => new RegExp(`(^| )${environment}( |$)`).test(one)) ?? "";
      if (flag !== undefined) expect(line).toStartWith(`  ${flag} VALUE   `);
      const fallback = defaultWritten === undefined ? "" : writtenText(defaultWritten);
      if (fallback !== "") expect(line).toEndWith(`default ${fallback}`);
    },
  );

  test("fits a terminal, but for what has no place to break", () => {
    const wide = text.split("\n").filter((line) => line.length > 120 && line.trim().includes(" "));
    expect(wide).toEqual([]);
  });

  test.each(["help", "--help"])("is printed by %s, with no secret set, and that is a success", async (command) => {
    const { exitCode, output } = await runProxy({ command, env: { MAXIM_SECRET: undefined } });
    expect(exitCode).toBe(0);
    expect(output).toContain("Usage: mcp-sse-proxy [command] [options]");
  });
});

test("version prints the version alone", async () => {
  const { exitCode, output } = await runProxy({ command: "version", env: { MAXIM_SECRET: undefined } });
  expect(exitCode).toBe(0);
  expect(output.trim()).toMatch(/^\d+\.\d+\.\d+\S*( .*)?$/);
});
