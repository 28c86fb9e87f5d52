import { dirname, join } from "node:path";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { within } from "./eventually.ts";
import { type Connect, connectFirst, type Endpoint } from "./streamable-clients.ts";

/** Where an installed package has this file. The programs run under this very Bun, so that no Node need be there. */
function programOf(name: string, ...path: readonly string[]): string {
  return join(dirname(Bun.resolveSync(`${name}/package.json`, import.meta.dir)), ...path);
}

/** Header fields as the command lines of both programs take them. */
function headerArguments({ headers }: Endpoint): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
}

/** An environment with a home of its own: both programs keep files there. */
function homeEnvironment(home: string): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home, MCP_REMOTE_CONFIG_DIR: home };
}

/** A stdio client of SDK v1 that talks through mcp-remote, as desktop clients do that know no HTTP. */
export function connectThroughMcpRemote(home: string): Connect {
  return (endpoint) =>
    connectFirst(
      new StdioClientTransport({
        command: process.execPath,
        args: [
          programOf("mcp-remote", "dist", "proxy.js"),
          endpoint.url,
          "--transport",
          "http-only",
          "--allow-http",
          ...headerArguments(endpoint),
        ],
        env: homeEnvironment(home),
        stderr: "ignore",
      }),
    );
}

/** What a run of a program left behind. */
export interface ProgramRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one method by MCP Inspector's CLI, which connects, asks and leaves. Rejects when it takes longer than 20 s. */
export function runInspector(endpoint: Endpoint, home: string, words: readonly string[]): Promise<ProgramRun> {
  const program = programOf("@modelcontextprotocol/inspector", "clients", "cli", "build", "index.js");
  const target = [
    "--server-url",
    endpoint.url,
    "--transport",
    "http",
    "--format",
    "json",
    ...headerArguments(endpoint),
  ];
  return run([program, ...target, ...words], home);
}

async function run(words: readonly string[], home: string): Promise<ProgramRun> {
  const subprocess = Bun.spawn([process.execPath, ...words], {
    env: homeEnvironment(home),
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const texts = Promise.all([new Response(subprocess.stdout).text(), new Response(subprocess.stderr).text()]);
    const exitCode = await within("the program to end", subprocess.exited, 20_000);
    const [stdout, stderr] = await texts;
    return { exitCode, stdout, stderr };
  } finally {
    subprocess.kill("SIGKILL");
  }
}
