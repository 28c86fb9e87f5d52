import { expect, test } from "bun:test";
import { configurationWarnings } from "../../src/config/warnings.ts";
import { settingsOf } from "./configure.ts";

const FILE = { mcpServers: { a: { command: "sh" } } };
const DEMO = { mcpServers: { demo: { builtin: "demo" } } };

async function warningsOf(file: unknown, environment: Readonly<Record<string, string>> = {}) {
  return configurationWarnings(await settingsOf({ file, environment }));
}

test("a sound configuration gives no warning", async () => {
  expect(await warningsOf(FILE)).toEqual([]);
  expect(await warningsOf(DEMO)).toEqual([]);
});

test("a missing program and an empty allowlist are warned of", async () => {
  expect(await warningsOf({ mcpServers: { a: { command: "no-such-program-anywhere" } } })).toEqual([
    '"a" cannot start: "no-such-program-anywhere" was not found on PATH.',
  ]);
  expect(await warningsOf({ mcpServers: {} })).toEqual([expect.stringContaining("allowlist is empty")]);
});

test("listening on every address with any Host is warned of, until allowedHosts says which", async () => {
  expect(await warningsOf(FILE, { HOST: "0.0.0.0" })).toEqual([expect.stringContaining("set allowedHosts")]);
  expect(await warningsOf(FILE, { HOST: "0.0.0.0", ALLOWED_HOSTS: "a.example" })).toEqual([]);
  expect(await warningsOf(FILE, { HOST: "localhost" })).toEqual([]);
});

test("a shutdown that is shorter than a child's end is warned of", async () => {
  expect(await warningsOf(FILE, { TIMEOUTS_SHUTDOWN: "10s" })).toEqual([expect.stringContaining("timeouts.shutdown")]);
  expect(await warningsOf(FILE, { TIMEOUTS_SHUTDOWN: "0" })).toEqual([]);
});
