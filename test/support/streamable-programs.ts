import { dirname, join } from "node:path";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { within } from "./eventually.ts";
import { type Connect, connectFirst, type Endpoint } from "./streamable-clients.ts";

const INSPECTOR = "@modelcontextprotocol/inspector";
/** Nobody else can reach the daemon's directory, so the token needs no secrecy, only its length. */
const DAEMON_TOKEN = "x".repeat(43);

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
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    MCP_REMOTE_CONFIG_DIR: home,
    MCP_INSPECTOR_DAEMON_DIR: join(home, "daemon"),
    MCP_INSPECTOR_DAEMON_TOKEN: DAEMON_TOKEN,
  };
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

/** A program of MCP Inspector that runs. */
export interface InspectorRun extends AsyncDisposable {
  /** All that it wrote to stdout so far. */
  readonly output: () => string;
  /** What it wrote to stdout once it has ended with this exit code (0). */
  readonly result: (exitCode?: number) => Promise<string>;
}

/** Runs one method by MCP Inspector's CLI, which connects, asks and leaves. */
export function inspectorCli(endpoint: Endpoint, home: string, words: readonly string[]): InspectorRun {
  const target = [
    "--server-url",
    endpoint.url,
    "--transport",
    "http",
    "--format",
    "json",
    ...headerArguments(endpoint),
  ];
  return start([programOf(INSPECTOR, "clients", "cli", "build", "index.js"), ...target, ...words], home);
}

/** MCP Inspector's other command line, whose connections last: a daemon of its own in `home` holds them. */
export interface InspectorSession extends AsyncDisposable {
  /** Starts a command on a connection. */
  readonly command: (server: string, ...words: readonly string[]) => InspectorRun;
}

/** Opens a connection to each of these servers. Disposing ends the daemon. */
export async function connectInspector(
  endpoints: Readonly<Record<string, Endpoint>>,
  home: string,
): Promise<InspectorSession> {
  const mcpServers = Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [name, { type: "streamable-http", ...endpoint }]),
  );
  const config = join(home, "servers.json");
  await Bun.write(config, JSON.stringify({ mcpServers }));
  const mcpdo = (...words: readonly string[]): InspectorRun =>
    start([programOf(INSPECTOR, "clients", "mcpdo", "build", "mcp-bin.js"), "--format", "json", ...words], home);
  const stop = async (): Promise<void> => void (await mcpdo("daemon", "stop").result());
  try {
    for (const name of Object.keys(endpoints)) await mcpdo("--config", config, "connect", name).result();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    command: (server, ...words) => mcpdo("--connection", server, ...words),
    [Symbol.asyncDispose]: stop,
  };
}

function start(words: readonly string[], home: string): InspectorRun {
  const subprocess = Bun.spawn([process.execPath, ...words], {
    env: homeEnvironment(home),
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const decoder = new TextDecoder();
  const errors = new Response(subprocess.stderr).text();
  const read = (async () => {
    for await (const chunk of subprocess.stdout) output += decoder.decode(chunk, { stream: true });
  })();
  return {
    output: () => output,
    result: async (expected = 0) => {
      const exitCode = await within("the program to end", subprocess.exited);
      await read;
      if (exitCode !== expected) throw new Error(`exit code ${exitCode}: ${output}${await errors}`);
      return output;
    },
    [Symbol.asyncDispose]: async () => {
      subprocess.kill("SIGKILL");
      await subprocess.exited;
    },
  };
}
