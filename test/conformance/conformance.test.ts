/** The official conformance suite, through the executable, onto a stdio server that offers what its scenarios look for. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { type Forwarder, type ForwarderOptions, startForwarder } from "./forwarder.ts";
import {
  type Check,
  type Revision,
  requiredScenarios,
  runRevision,
  runScenario,
  type SuiteRun,
  serverScenarios,
} from "./suite.ts";

const REVISIONS: readonly Revision[] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/** A run of all scenarios takes some ten seconds; a busy machine needs more. */
const RUN_MS = 120_000;

let proxy: TestProxy;

beforeAll(async () => {
  proxy = await startProxy({ binary: true, config: { mcpServers: { conformance: fixture("conformance/server") } } });
}, RUN_MS);

afterAll(() => proxy.stop());

function forward(options: Pick<ForwarderOptions, "endAfter" | "revision"> = {}): Forwarder {
  return startForwarder({ target: proxy.url, secret: proxy.secret, ...options });
}

/** What a scenario holds against the server, in the suite's words. */
function complaints(checks: readonly Check[] = []): readonly string[] {
  return checks
    .filter(({ status }) => status !== "SUCCESS" && status !== "INFO")
    .map(({ status, id, errorMessage, description }) => `${status} ${id}: ${errorMessage ?? description}`);
}

function succeeded(checks: readonly Check[] = []): readonly string[] {
  return checks.filter(({ status }) => status === "SUCCESS").map(({ id }) => id);
}

describe.each(REVISIONS)("the official suite's server scenarios for %s", (revision) => {
  const scenarios = serverScenarios(revision);
  let run: SuiteRun;

  beforeAll(async () => {
    // The suite's own client asks for its newest revision, whichever it is told to test.
    await using forwarder = forward({ revision });
    run = await runRevision(`${forwarder.url}/conformance/mcp`, revision);
  }, RUN_MS);

  test.each(scenarios)("%s", (scenario) => {
    const checks = run.checks.get(scenario);
    expect(complaints(checks)).toEqual([]);
    // Whether its messages fit the schema is asked of every scenario: one that asked nothing else has looked at nothing.
    expect(succeeded(checks)).toContainEqual(expect.not.stringMatching(/^wire-schema-valid$/));
  });

  test("the suite itself is content", () => {
    expect(run.exitCode, run.output).toBe(0);
  });
});

describe("the official suite", () => {
  test("requires 30 scenarios for 2025-11-25, and all of them are run", async () => {
    const required = await requiredScenarios("2025-11-25");
    expect(required).toHaveLength(30);
    expect(serverScenarios("2025-11-25")).toEqual(expect.arrayContaining([...required]));
  });

  test("gets the rest of a call whose stream it lost, from the first event id on", async () => {
    await using forwarder = forward({ endAfter: "this is the time to lose the stream" });
    const run = await runScenario(`${forwarder.url}/conformance/mcp`, "server-sse-polling", "2025-11-25");
    const checks = run.checks.get("server-sse-polling");
    expect(complaints(checks)).toEqual([]);
    expect(succeeded(checks)).toEqual([
      "server-sse-priming-event",
      "server-sse-retry-field",
      "server-sse-disconnect-resume",
    ]);
  }, 30_000);
});
