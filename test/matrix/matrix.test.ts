import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { type Files, makeFiles } from "./files.ts";
import { plansFor } from "./plans.ts";
import { createRun, type MatrixRun, VARIABLES } from "./run.ts";
import { CLIENTS, FEATURE_NAMES, FEATURES, offers, SERVERS } from "./table.ts";
import { tapped } from "./tap.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let files: Files;
let proxy: TestProxy;
let run: MatrixRun;
beforeAll(async () => {
  files = makeFiles();
  const plans = plansFor(files);
  const entries = Object.entries(plans).map(([id, { entry }]) => [
    id,
    { ...tapped(entry, files.taps), clientEnv: VARIABLES },
  ]);
  proxy = await startProxy({ binary: true, config: { mcpServers: Object.fromEntries(entries) } });
  run = createRun({ proxy, files, plans });
}, TEST_MS);
afterAll(async () => {
  await run?.ended;
  await proxy?.stop();
  files?.remove();
});

describe.each([...SERVERS])("$title", (server) => {
  describe.each([...CLIENTS])("for $title", ({ id, era }) => {
    test("is reached in the client's own era", async () => {
      expect(await run.era(server.id, id)).toBe(era);
    });

    for (const feature of FEATURE_NAMES) {
      test(`${offers(server, feature) ? "has" : "has no"} ${FEATURES[feature]}`, () =>
        run.outcome(server.id, id, feature));
    }
  });
});
