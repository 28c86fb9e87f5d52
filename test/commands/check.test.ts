import { describe, expect, test } from "bun:test";
import { runProxy } from "../support/launch.ts";
import { fixture } from "../support/server-entry.ts";

const SECRET = "s3cr3t-0123456789-0123456789-0123456789";

describe("check", () => {
  test("of a good configuration prints settings with their sources and the allowlist, and no secret", async () => {
    const { exitCode, output } = await runProxy({
      command: "check",
      config: { mcpServers: { one: fixture("echo", [], { env: { KEY: "operat0r-s3cr3t" }, clientEnv: ["TOKEN"] }) } },
      args: ["--port", "8123"],
      env: { MAXIM_SECRET: SECRET, LOG_LEVEL: "WARN" },
    });
    expect(exitCode).toBe(0);
    for (const words of [
      "listen.port",
      "8123",
      "option",
      "environment LOG_LEVEL",
      "Allowlist",
      "one",
      "KEY",
      "TOKEN",
    ]) {
      expect(output).toContain(words);
    }
    expect(output).not.toContain(SECRET);
    expect(output).not.toContain("operat0r-s3cr3t");
  });

  test("of a bad one exits with 1 and a line for every fault, each with its place, and no secret", async () => {
    const { exitCode, output } = await runProxy({
      command: "check",
      config: {
        mcpServers: { one: { command: 7, env: { KEY: [5] } }, two: {} },
        limits: { sesions: 1, requestBytes: "4 apples" },
        surplus: true,
      },
      args: ["--port", "8000abc"],
      env: { MAXIM_SECRET: "short-s3cr3t", LOG_LEVEL: "LOUD" },
    });
    expect(exitCode).toBe(1);
    const faults = output.trim().split("\n").slice(1);
    for (const place of [
      "MAXIM_SECRET",
      "LOG_LEVEL",
      "--port",
      "mcpServers.one.command",
      "mcpServers.one.env",
      "mcpServers.two",
      "limits.sesions",
      "limits.requestBytes",
      "surplus",
    ]) {
      expect(faults.filter((line) => line.includes(place)).length).toBeGreaterThan(0);
    }
    expect(output).toContain("did you mean sessions?");
    expect(output).not.toContain("short-s3cr3t");
  });

  test("says that the secret is missing, and starts nothing", async () => {
    const { exitCode, output } = await runProxy({ command: "check", env: { MAXIM_SECRET: undefined } });
    expect(exitCode).toBe(1);
    expect(output).toContain("MAXIM_SECRET");
  });
});
