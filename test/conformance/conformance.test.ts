/**
 * The official conformance suite, through the executable: clients of every revision onto stdio servers of both eras, which offer what
 * its scenarios look for.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { type Forwarder, type ForwarderOptions, startForwarder } from "./forwarder.ts";
import { runInTurns } from "./in-turns.ts";
import {
  type Check,
  type Revision,
  requiredScenarios,
  runRevision,
  runScenario,
  type SuiteRun,
  serverScenarios,
} from "./suite.ts";

/** A client's revision and the era of the server that it comes to. */
interface Plan {
  readonly revision: Revision;
  readonly server: "legacy" | "modern";
  /** How many scenarios the revision requires; undefined where the suite has no list of them. */
  readonly required?: number;
  /** What the suite holds against it and nobody could do better: scenario, and "STATUS check". */
  readonly known?: Readonly<Record<string, readonly string[]>>;
}

/** Both scenarios want the answer under the key `user_name`, and a legacy server has no words for the keys of its questions. */
const KEYS_THAT_A_LEGACY_SERVER_CANNOT_NAME: NonNullable<Plan["known"]> = {
  "input-required-result-basic-elicitation": ["FAILURE sep-2322-elicitation-incomplete"],
  "input-required-result-ignore-extra-params": ["WARNING sep-2322-ignore-unexpected-params"],
};

const PLANS: readonly Plan[] = [
  { revision: "2025-11-25", server: "legacy", required: 30 },
  { revision: "2026-07-28", server: "modern", required: 37 },
  { revision: "2026-07-28", server: "legacy", required: 37, known: KEYS_THAT_A_LEGACY_SERVER_CANNOT_NAME },
  { revision: "2025-11-25", server: "modern", required: 30 },
  { revision: "2025-06-18", server: "legacy" },
  { revision: "2025-03-26", server: "legacy" },
];

/** A run of all scenarios takes some ten seconds; only a hang reaches this. */
const RUN_MS = 600_000;

/** Runs mostly wait, but some scenarios give an answer half a second. */
const AT_ONCE = Math.max(1, Math.min(3, navigator.hardwareConcurrency));

let proxy: TestProxy;
let runs: ReadonlyMap<Plan, Promise<SuiteRun>> = new Map();

beforeAll(async () => {
  const mcpServers = { legacy: fixture("conformance/server"), modern: fixture("conformance-modern/server") };
  proxy = await startProxy({ binary: true, config: { mcpServers } });
  runs = runInTurns(PLANS, AT_ONCE, runPlan);
}, RUN_MS);

afterAll(async () => {
  await Promise.allSettled(runs.values());
  await proxy.stop();
}, RUN_MS);

async function runPlan({ revision, server }: Plan): Promise<SuiteRun> {
  // The suite's own client asks `initialize` for its newest revision that has one, whichever it is told to test.
  await using forwarder = forward(revision === "2026-07-28" ? {} : { revision });
  return await runRevision(`${forwarder.url}/${server}/mcp`, revision);
}

/**
 * The plan's run, or one by itself when that found something: the suite gives some answers half a second, in which a machine that is
 * busy with the other runs does not even start a server's process.
 */
async function judgedRun(plan: Plan): Promise<SuiteRun> {
  const run = (await runs.get(plan)) ?? expect.unreachable("no such run");
  const found = serverScenarios(plan.revision).flatMap((scenario) =>
    unexpected(plan, scenario, run.checks.get(scenario)),
  );
  if (found.length === 0) return run;
  console.warn(`${plan.revision} onto a ${plan.server} server runs again, by itself:\n${found.join("\n")}`);
  await Promise.allSettled(runs.values());
  return await runPlan(plan);
}

function forward(options: Pick<ForwarderOptions, "endAfter" | "revision"> = {}): Forwarder {
  return startForwarder({ target: proxy.url, secret: proxy.secret, ...options });
}

/** What a scenario holds against the server, in the suite's words. */
function complaints(checks: readonly Check[] = []): readonly string[] {
  return checks
    .filter(({ status }) => status !== "SUCCESS" && status !== "INFO")
    .map(({ status, id, errorMessage, description }) => `${status} ${id}: ${errorMessage ?? description}`);
}

/** What a scenario holds against the server that nobody expects of it. */
function unexpected({ known = {} }: Plan, scenario: string, checks?: readonly Check[]): readonly string[] {
  const expected = known[scenario] ?? [];
  return complaints(checks).filter((complaint) => !expected.some((start) => complaint.startsWith(`${start}: `)));
}

function succeeded(checks: readonly Check[] = []): readonly string[] {
  return checks.filter(({ status }) => status === "SUCCESS").map(({ id }) => id);
}

/** Whether the suite counts it as passed: it came to its end, and nothing failed. */
function isPassed(checks: readonly Check[] = []): boolean {
  return checks.length > 0 && checks.every(({ status }) => status !== "FAILURE");
}

describe.each(PLANS.map((plan) => [plan.revision, plan.server, plan] as const))(
  "the official suite's server scenarios for %s onto a %s server",
  (revision, _server, plan) => {
    const known = plan.known ?? {};
    let run: SuiteRun;

    beforeAll(async () => {
      run = await judgedRun(plan);
    }, 2 * RUN_MS);

    test.each(serverScenarios(revision))("%s", (scenario) => {
      const checks = run.checks.get(scenario);
      const expected = known[scenario] ?? [];
      expect(unexpected(plan, scenario, checks)).toEqual([]);
      expect(complaints(checks)).toHaveLength(expected.length);
      // Whether its messages fit the schema is asked of every scenario: one that asked nothing else has looked at nothing.
      if (expected.length > 0) return;
      expect(succeeded(checks)).toContainEqual(expect.not.stringMatching(/^wire-schema-valid$/));
    });

    const failures = Object.entries(known).flatMap(([scenario, expected]) =>
      expected.some((start) => start.startsWith("FAILURE")) ? [scenario] : [],
    );

    if (plan.required !== undefined) {
      const { required } = plan;
      test(`${required - failures.length} of the ${required} required scenarios pass`, async () => {
        const scenarios = await requiredScenarios(revision);
        expect(scenarios).toHaveLength(required);
        expect(serverScenarios(revision)).toEqual(expect.arrayContaining([...scenarios]));
        expect(scenarios.filter((scenario) => !isPassed(run.checks.get(scenario)))).toEqual(failures);
      });
    }

    test(failures.length === 0 ? "the suite itself is content" : `the suite itself misses ${failures.length}`, () => {
      expect(run.exitCode, run.output).toBe(failures.length === 0 ? 0 : 1);
    });
  },
);

describe("the official suite", () => {
  test(
    "gets the rest of a call whose stream it lost, from the first event id on",
    async () => {
      await using forwarder = forward({ endAfter: "this is the time to lose the stream" });
      const run = await runScenario(`${forwarder.url}/legacy/mcp`, "server-sse-polling", "2025-11-25");
      const checks = run.checks.get("server-sse-polling");
      expect(complaints(checks)).toEqual([]);
      expect(succeeded(checks)).toEqual([
        "server-sse-priming-event",
        "server-sse-retry-field",
        "server-sse-disconnect-resume",
      ]);
    },
    RUN_MS,
  );
});
