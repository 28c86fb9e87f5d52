import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { containmentModes } from "../support/containment.ts";
import { eventually } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { testWhen } from "../support/when.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Sleeps of so many seconds are nobody else's: they find the grandchildren in the process table. */
const seconds = (kind: number): string => String(2_000_000 + kind * 100_000 + (process.pid % 100_000));

describe.each(containmentModes())("with containment %s,", (containment) => {
  let proxy: TestProxy;
  beforeAll(async () => {
    proxy = await startProxy({
      config: {
        containment,
        mcpServers: {
          echo: fixture("echo", [], { timeouts: { gracefulStop: "10m" } }),
          "ignores SIGTERM": fixture("ignores-sigterm"),
          group: fixture("grandchild", [seconds(1), "group"]),
          "group that ignores SIGTERM": fixture("grandchild", [seconds(2), "ignores"]),
          setsid: fixture("grandchild", [seconds(3), "setsid"]),
          bare: fixture("grandchild", [seconds(4), "bare"]),
        },
        timeouts: { gracefulStop: "700ms" },
      },
    });
  });
  afterAll(() => proxy.stop());

  async function openAndLeave(server: string, marker?: string): Promise<void> {
    const session = await proxy.openSse(server);
    await session.request("initialize");
    if (marker !== undefined)
      await eventually("the grandchild", () => processesWithCommand(`sleep ${marker}`).length > 0);
    session.close();
    await quiet(proxy);
  }

  describe("when its client leaves", () => {
    test("C7: a child that heeds the end of its stdin is gone long before the time that it might have", async () => {
      await openAndLeave("echo");
    });

    test("C7: a child that ignores stdin and SIGTERM is killed when its time is over", async () => {
      await openAndLeave("ignores SIGTERM");
    });

    test.each([
      ["C8: what the child started goes with it", "group", seconds(1)],
      ["C8: also when it ignores SIGTERM", "group that ignores SIGTERM", seconds(2)],
      ["C9: also when it left the process group", "setsid", seconds(3)],
    ])("%s", async (_, server, marker) => {
      await openAndLeave(server, marker);
      expect(processesWithCommand(`sleep ${marker}`)).toEqual([]);
    });

    // Without a PID namespace nothing finds it.
    testWhen(containment === "bubblewrap", "it holds in a PID namespace alone")(
      "C9: also when it left the group with an empty environment",
      async () => {
        await openAndLeave("bare", seconds(4));
        expect(processesWithCommand(`sleep ${seconds(4)}`)).toEqual([]);
      },
    );

    test("C8, C9: also when the child itself has gone first", async () => {
      for (const [server, marker] of [
        ["group", seconds(1)],
        ["setsid", seconds(3)],
      ] as const) {
        const session = await proxy.openSse(server);
        await session.request("initialize");
        await eventually("the grandchild", () => processesWithCommand(`sleep ${marker}`).length > 0);
        await session.begin("tools/call");
        await session.ended;
        await eventually("the grandchild's end", () => processesWithCommand(`sleep ${marker}`).length === 0);
      }
    });
  });
});
