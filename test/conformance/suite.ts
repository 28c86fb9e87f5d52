import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A revision of MCP that the suite has server scenarios for. */
export type Revision = "2025-03-26" | "2025-06-18" | "2025-11-25" | "2026-07-28";

/** One thing that a scenario looked at. SKIPPED and WARNING are not what a server wants either; INFO judges nothing. */
export interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly description: string;
  readonly errorMessage?: string;
}

/** What a run of the suite found. */
export interface SuiteRun {
  readonly exitCode: number;
  readonly output: string;
  /** The checks of each scenario; one that broke off has none. */
  readonly checks: ReadonlyMap<string, readonly Check[]>;
}

/** Revisions for which the suite has frozen what is required; the others' scenarios are those that apply to them today. */
const WITH_REQUIREMENTS: ReadonlySet<Revision> = new Set<Revision>(["2025-11-25", "2026-07-28"]);

const PACKAGE = dirname(Bun.resolveSync("@modelcontextprotocol/conformance/package.json", import.meta.dir));

/** The suite's command line; it says that it wants Node, and runs on Bun. */
const COMMAND: readonly string[] = [process.execPath, join(PACKAGE, "dist", "index.js")];

/** The names of all server scenarios that apply to a revision, in the suite's order. */
export function serverScenarios(revision: Revision): readonly string[] {
  const { stdout, stderr, success } = Bun.spawnSync([...COMMAND, "list", "--server", "--spec-version", revision]);
  if (!success) throw new Error(`the suite's list failed: ${stderr.toString()}`);
  return [...stdout.toString().matchAll(/^ {2}- (\S+)/gm)].map(([, name = ""]) => name);
}

/** The names of the server scenarios that a revision requires: the suite's frozen list. */
export async function requiredScenarios(revision: Revision): Promise<readonly string[]> {
  const text = await Bun.file(join(PACKAGE, "requirements", `${revision}.yaml`)).text();
  const requirements = Bun.YAML.parse(text) as { readonly server: readonly string[] };
  return requirements.server;
}

/**
 * Runs all server scenarios of a revision against a URL, one after the other. Where there are requirements the suite adds those of
 * extensions, which count for nothing.
 */
export function runRevision(url: string, revision: Revision): Promise<SuiteRun> {
  const selection = WITH_REQUIREMENTS.has(revision)
    ? ["--requirements", revision]
    : ["--suite", "all", "--spec-version", revision];
  return run(url, selection);
}

/** Runs one scenario. */
export function runScenario(url: string, scenario: string, revision: Revision): Promise<SuiteRun> {
  return run(url, ["--scenario", scenario, "--spec-version", revision]);
}

async function run(url: string, selection: readonly string[]): Promise<SuiteRun> {
  const results = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-conformance-"));
  try {
    const subprocess = Bun.spawn([...COMMAND, "server", "--url", url, "--output-dir", results, ...selection], {
      env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const outputs = await Promise.all([new Response(subprocess.stdout).text(), new Response(subprocess.stderr).text()]);
    const exitCode = await subprocess.exited;
    return { exitCode, output: outputs.join("\n"), checks: await readChecks(results) };
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
}

/** Each scenario writes one directory, named `server-SCENARIO-TIME`. */
async function readChecks(results: string): Promise<ReadonlyMap<string, readonly Check[]>> {
  const checks = new Map<string, readonly Check[]>();
  for (const directory of readdirSync(results)) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(directory)?.[1];
    const file = Bun.file(join(results, directory, "checks.json"));
    if (scenario !== undefined && (await file.exists())) checks.set(scenario, await file.json());
  }
  return checks;
}
