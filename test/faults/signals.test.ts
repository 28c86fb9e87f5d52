import { expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const config = { mcpServers: { echo: fixture("echo") } };

test("SIGHUP drains as SIGTERM does: the client is told, and the exit status is 0", async () => {
  await using proxy = await startProxy({ config });
  const session = await proxy.openSse("echo");
  await session.request("ping");
  proxy.kill("SIGHUP");
  expect(await proxy.log.until("the drain", ({ msg }) => msg === "draining")).toMatchObject({ signal: "SIGHUP" });
  await session.ended;
  expect(await proxy.exited).toBe(0);
});

test("SIGUSR1 and SIGUSR2 do nothing but leave a line in the log at DEBUG", async () => {
  await using proxy = await startProxy({ config, env: { LOG_LEVEL: "DEBUG" } });
  const session = await proxy.openSse("echo");
  for (const name of ["SIGUSR1", "SIGUSR2"] as const) {
    proxy.kill(name);
    await proxy.log.until(name, ({ level, signal }) => level === "DEBUG" && signal === name);
  }
  expect((await session.request("ping")).result).toEqual({});
  session.close();
});

test.if(process.platform === "linux")(
  "a SIGHUP that was ignored at the start, as by nohup, stays ignored",
  async () => {
    await using proxy = await startProxy({ config, wrapper: ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"] });
    proxy.kill("SIGHUP");
    const session = await proxy.openSse("echo");
    expect((await session.request("ping")).result).toEqual({});
    session.close();
    expect(proxy.log.lines.some(({ msg }) => msg === "draining")).toBe(false);
  },
);
