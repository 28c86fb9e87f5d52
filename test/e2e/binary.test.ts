import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { proxyBinary } from "../support/binary.ts";
import { within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { startProxy } from "../support/proxy.ts";
import { connectFirst, textOf } from "./clients.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const SECRET = "a-secret-of-more-than-thirty-two-characters";

async function run(args: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
  const subprocess = Bun.spawn([proxyBinary(), ...args], { cwd, env: { ...env }, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const outputs = Promise.all([new Response(subprocess.stdout).text(), new Response(subprocess.stderr).text()]);
    const exitCode = await within(`${args.join(" ")} to end`, subprocess.exited);
    return { exitCode, output: (await outputs).join("\n") };
  } finally {
    subprocess.kill("SIGKILL");
  }
}

describe("the compiled binary", () => {
  test("serves demo to the official client in an empty directory, with nothing but a secret and PATH", async () => {
    await using proxy = await startProxy({ binary: true });
    const client = await connectFirst(proxy, "demo", { ENV_SOMETHING: "1" });
    expect(textOf(await client.callTool({ name: "echo", arguments: { message: "hello" } }))).toContain("hello");
    expect(textOf(await client.callTool({ name: "env", arguments: {} }))).toContain("SOMETHING");
    await client.close();
  });

  test("answers health of a running instance, version and help", async () => {
    await using proxy = await startProxy({ binary: true });
    const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-run-"));
    try {
      const env = { PATH: process.env["PATH"] ?? "", PORT: String(proxy.port) };
      expect((await run(["health"], env, place)).exitCode).toBe(0);
      expect((await run(["health"], { ...env, PORT: "1" }, place)).exitCode).toBe(1);
      expect((await run(["version"], env, place)).output).toMatch(/^\d+\.\d+\.\d+/m);
      const help = await run(["--help"], env, place);
      expect(help.exitCode).toBe(0);
      for (const word of ["serve", "check", "MAXIM_SECRET", "--port", "8000"]) expect(help.output).toContain(word);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });

  test("F6: reads no .env and no bunfig.toml of its working directory", async () => {
    const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-run-"));
    try {
      writeFileSync(join(place, ".env"), `MAXIM_SECRET=${SECRET}\n`);
      writeFileSync(join(place, "preload.ts"), 'console.log("PRELOADED");\n');
      writeFileSync(join(place, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
      const { exitCode, output } = await run(["check"], { PATH: process.env["PATH"] ?? "" }, place);
      expect(exitCode).not.toBe(0);
      expect(output).toContain("MAXIM_SECRET");
      expect(output).not.toContain("PRELOADED");
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });

  test.each(["BUN_OPTIONS", "BUN_BE_BUN"])(
    "F6: never serves under %s, which would let others run code in it",
    async (name) => {
      const place = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-run-"));
      try {
        writeFileSync(join(place, "preload.ts"), "");
        const value = name === "BUN_OPTIONS" ? "--preload=./preload.ts" : "1";
        const env = {
          PATH: process.env["PATH"] ?? "",
          MAXIM_SECRET: SECRET,
          PORT: "0",
          LOG_FORMAT: "json",
          [name]: value,
        };
        const { exitCode, output } = await run(["serve"], env, place);
        expect(exitCode).not.toBe(0);
        expect(output).not.toContain("listening");
      } finally {
        rmSync(place, { recursive: true, force: true });
      }
    },
  );
});
