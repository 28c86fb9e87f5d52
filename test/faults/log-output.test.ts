import { expect, setDefaultTimeout, test } from "bun:test";
import { within } from "../support/eventually.ts";
import { TEST_MS } from "../support/limits.ts";
import { processesWithCommand } from "../support/process-table.ts";
import { quiet, startProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const SECONDS = String(7_000_000 + (process.pid % 100_000));

/** Passes the log on until the proxy listens, and holds its end open without ever reading it again. */
const STOPS_READING = `mkfifo log
{ while IFS= read -r line; do
    printf '%s\\n' "$line"
    case $line in *'"listening"'*) exec sleep ${SECONDS} ;; esac
  done; } <log &
exec "$@" >log`;

test("D5: a log reader that has stopped keeps neither the service nor the shutdown waiting", async () => {
  const proxy = await startProxy({
    config: { mcpServers: { echo: fixture("echo") } },
    wrapper: ["sh", "-c", STOPS_READING, "sh"],
  });
  const session = await proxy.openSse("echo");
  // More than a pipe holds: each request is a line.
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 50 }, () => proxy.fetch("/servers").then((answer) => answer.text())));
  }
  expect((await session.request("ping")).result).toEqual({});
  proxy.kill("SIGTERM");
  try {
    expect(await within("the exit", proxy.exited)).toBe(0);
  } finally {
    for (const { pid } of processesWithCommand(`sleep ${SECONDS}`)) process.kill(pid, "SIGKILL");
  }
  await proxy.stop();
});

test("L1: what the operator gave a server stays out of the log and of what clients are told", async () => {
  await using proxy = await startProxy({
    config: {
      mcpServers: {
        talks: fixture("stderr-secret", [], {
          env: { OPERATOR_KEY: "\u0024{GIVEN_KEY}", LONG_KEY: "\u0024{LONG_KEY}" },
        }),
        dies: shell('echo "key is $OPERATOR_KEY" >&2; exit 3', { env: { OPERATOR_KEY: "\u0024{GIVEN_KEY}" } }),
      },
    },
    env: {
      GIVEN_KEY: `canary${crypto.randomUUID()}`,
      LONG_KEY: `canary-long-${"0123456789".repeat(600)}`,
      HTTPS_PROXY: "http://user:canary-passw0rd@127.0.0.1:9",
    },
  });
  const talking = await proxy.openSse("talks");
  await talking.request("ping");
  await proxy.log.until("the operator's key", ({ stderr }) => String(stderr).includes("OPERATOR_KEY=[OPERATOR_KEY]"));
  talking.close();
  const dying = await proxy.openSse("dies");
  await dying.ended;
  const told = dying.events.map(({ data }) => data.toString()).join("\n");
  expect(told).toContain("key is [OPERATOR_KEY]");
  expect(told).not.toContain("canary");
  await quiet(proxy);
  expect(proxy.log.text()).not.toContain("canary");
});
