import { readArguments } from "./commands/arguments.ts";
import type { LoadedConfiguration } from "./config/load.ts";
import { VERSION } from "./version.ts";

/** Commands that another command line mistake must not be mixed up with: 1 is a failure, 2 a wrong invocation. */
const FAILED = 1;
const MISUSED = 2;

/** `mcp-sse-proxy demo`, however this program was started: the executable itself, or Bun with this file. */
const DEMO_COMMAND: readonly [string, ...string[]] =
  Bun.main.startsWith("/$bunfs/") || Bun.main.includes("~BUN")
    ? [process.execPath, "demo"]
    : [process.execPath, "--no-env-file", Bun.main, "demo"];

/** A placeholder for commands that need no secret, but read the rest of the configuration. */
const NO_SECRET = "0".repeat(32);

async function load(flags: ReadonlyMap<string, string>, needsSecret: boolean): Promise<LoadedConfiguration> {
  const { loadConfiguration } = await import("./config/load.ts");
  const own = process.env;
  return loadConfiguration({
    flags,
    environment: needsSecret ? own : { ...own, MAXIM_SECRET: own["MAXIM_SECRET"] || NO_SECRET },
    workingDirectory: process.cwd(),
    demoCommand: DEMO_COMMAND,
  });
}

async function refuse(faults: Extract<LoadedConfiguration, { ok: false }>["faults"]): Promise<number> {
  const { renderFaults } = await import("./config/report.ts");
  process.stderr.write(`mcp-sse-proxy: the configuration cannot be used\n${renderFaults(faults)}`);
  return FAILED;
}

async function run(): Promise<number> {
  const invocation = readArguments(process.argv.slice(2));
  if (!invocation.ok) {
    process.stderr.write(`mcp-sse-proxy: ${invocation.problem}\n`);
    return MISUSED;
  }
  const { command, flags } = invocation;
  switch (command) {
    case "version":
      console.log(VERSION);
      return 0;
    case "help": {
      const { helpText } = await import("./commands/help.ts");
      process.stdout.write(helpText(VERSION));
      return 0;
    }
    case "demo": {
      const { runDemo } = await import("./commands/demo.ts");
      await runDemo();
      return 0;
    }
    case "check": {
      const loaded = await load(flags, true);
      if (!loaded.ok) return refuse(loaded.faults);
      const { renderReport } = await import("./config/report.ts");
      const { findTemporaryRoot, homeWarnings, warningsOf } = await import("./process/temporary-root.ts");
      const temporary = findTemporaryRoot(process.env);
      process.stdout.write(renderReport(loaded.settings, [...homeWarnings(process.env), ...warningsOf(temporary)]));
      if (temporary.ok) return 0;
      process.stderr.write(`mcp-sse-proxy: ${temporary.problem}\n`);
      return FAILED;
    }
    case "health": {
      const loaded = await load(flags, false);
      if (!loaded.ok) return refuse(loaded.faults);
      const { checkHealth } = await import("./commands/health.ts");
      return checkHealth(loaded.settings.listen);
    }
    case "serve": {
      // It runs code in this process before the first line of ours, with the secret in reach.
      if (process.env["BUN_OPTIONS"]) {
        process.stderr.write("mcp-sse-proxy: BUN_OPTIONS is set: it can load code into the proxy. Unset it.\n");
        return FAILED;
      }
      const loaded = await load(flags, true);
      if (!loaded.ok) return refuse(loaded.faults);
      const { serve } = await import("./commands/serve.ts");
      return serve(loaded.settings, process.env);
    }
  }
}

run().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`mcp-sse-proxy: ${error instanceof Error ? error.message : "unexpected failure"}\n`);
    process.exit(FAILED);
  },
);
