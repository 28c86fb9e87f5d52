import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "../support/eventually.ts";
import type { TestProxy } from "../support/proxy.ts";
import { codeOf, ROOT } from "./pages.ts";

/** Where the examples find the proxy. */
const ADDRESS = "http://127.0.0.1:8000";

/** The code of an example with the address of this proxy in place of the page's. */
export function exampleFor(proxy: TestProxy, name: string): string {
  const code = codeOf(name);
  if (!code.includes(ADDRESS)) throw new Error(`the example ${name} does not connect to ${ADDRESS}`);
  return code.replaceAll(ADDRESS, proxy.url);
}

/** Runs a TypeScript example as a program of its own, in a project that has our packages; gives what it prints. */
export async function runExample(proxy: TestProxy, name: string): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-readme-"));
  try {
    symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
    writeFileSync(join(project, "example.ts"), exampleFor(proxy, name));
    return await runCommand([process.execPath, join(project, "example.ts")], { MAXIM_SECRET: proxy.secret });
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** Runs a command to its end and gives its output. Rejects when it fails, or still runs after 20 s. */
export async function runCommand(command: string[], env: Readonly<Record<string, string>>): Promise<string> {
  const program = Bun.spawn(command, {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const output = Promise.all([new Response(program.stdout).text(), new Response(program.stderr).text()]);
    const code = await within(`${command.join(" ")} to end`, program.exited);
    const [printed, complaints] = await output;
    if (code !== 0) throw new Error(`it ended with ${code}: ${complaints}`);
    return printed;
  } finally {
    program.kill("SIGKILL");
  }
}
