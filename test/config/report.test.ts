import { describe, expect, test } from "bun:test";
import { renderFaults, renderReport } from "../../src/config/report.ts";
import { ALL_SETTINGS } from "../../src/config/settings/settings.ts";
import { SECRET, settingsOf } from "./configure.ts";

const FILE = {
  listen: { port: 8080 },
  mcpServers: {
    "my server": {
      command: "sh",
      args: ["-c", "echo $HOME"],
      env: { TOKEN: "s3cr3t", OTHER: `\${UPSTREAM}` },
      clientEnv: { KEY: { required: true }, MORE: {} },
      limits: { lineBytes: "1MB" },
      timeouts: { idle: 0 },
    },
    gone: { command: "no-such-program-anywhere" },
    demo: { builtin: "demo" },
  },
};

describe("the report", () => {
  test("has a line for each setting with its value and where that came from", async () => {
    const report = renderReport(
      await settingsOf({ file: FILE, environment: { UPSTREAM: "x", HOST: "::1" }, flags: { "--log-level": "DEBUG" } }),
    );
    expect(report).toStartWith("Configuration file: mcp-sse-proxy.json\n");
    expect(report).toMatch(/^ {2}listen\.port +8080 +file$/m);
    expect(report).toMatch(/^ {2}listen\.host +::1 +environment HOST$/m);
    expect(report).toMatch(/^ {2}log\.level +DEBUG +option$/m);
    expect(report).toMatch(/^ {2}timeouts\.idle +30m +default$/m);
    expect(report).toMatch(/^ {2}MAXIM_SECRET +set +environment MAXIM_SECRET$/m);
    for (const { key, environment } of ALL_SETTINGS) expect(report).toContain(`\n  ${key ?? environment} `);
  });

  test("has the allowlist with commands, programs, variables and limits of its own", async () => {
    const report = renderReport(await settingsOf({ file: FILE, environment: { UPSTREAM: "x" } }));
    expect(report).toContain('\n  "my server"\n');
    expect(report).toMatch(
      /command +sh -c "echo \$HOME"\n +program +\/.*\/sh\n +directory +a temporary one for each child\n/,
    );
    expect(report).toMatch(/env +TOKEN, OTHER\n +client variables +KEY \(required\), MORE\n/);
    expect(report).toMatch(/limits\.lineBytes +1MB\n +timeouts\.idle +0\n\s+gone\n/);
    expect(report).toMatch(/gone\n +command +no-such-program-anywhere\n +program +not found on PATH\n/);
    expect(report).toMatch(/client variables +every name that the denylist does not hold/);
  });

  test("shows neither the secret nor a value of env", async () => {
    const report = renderReport(await settingsOf({ file: FILE, environment: { UPSTREAM: "upstream-t0ken" } }));
    for (const secret of [SECRET, "s3cr3t", "upstream-t0ken"]) expect(report).not.toContain(secret);
  });

  test("says that there is no file and that the allowlist is empty", async () => {
    expect(renderReport(await settingsOf())).toStartWith("Configuration file: none\n");
    const empty = renderReport(await settingsOf({ file: { mcpServers: {} } }));
    expect(empty).toContain("\nAllowlist: empty\n");
    expect(empty).toContain("\nWarnings\n  The allowlist is empty");
  });
});

describe("the faults", () => {
  test("take one line each", () => {
    expect(
      renderFaults([
        { where: "a.json: x", problem: "bad" },
        { where: "b", problem: "worse" },
      ]),
    ).toBe("a.json: x: bad\nb: worse\n");
  });

  test("L2: hold no character that a terminal or a log would act on", () => {
    expect(renderFaults([{ where: "option --\u001b[31m\r\nx", problem: "\u009b\u202e\u2028" }])).toBe(
      "option --\\u001b[31m\\u000d\\u000ax: \\u009b\\u202e\\u2028\n",
    );
  });
});
