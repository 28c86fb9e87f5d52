import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { canContain } from "../support/containment.ts";
import { canDropPrivileges } from "../support/launch.ts";
import { TEST_MS } from "../support/limits.ts";
import { childDirectories, quiet, startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";
import { testWhen } from "../support/when.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

/** Tells which descriptors beside 0, 1 and 2 the shell was started with; the tests of a shell open none themselves. */
const DESCRIPTORS = `read -r line
list=
n=3
while [ $n -lt 256 ]; do [ -e /proc/$$/fd/$n ] && list="$list $n"; n=$((n + 1)); done
printf '{"jsonrpc":"2.0","method":"descriptors","params":{"extra":"%s"}}\\n' "$list"
read -r line`;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy({
    config: {
      mcpServers: {
        echo: fixture("echo", [], { clientEnv: ["TOKEN"], env: { OPERATOR_SAYS: "\u0024{OWN_VALUE}" } }),
        any: fixture("echo", [], { clientEnv: "*" }),
        descriptors: shell(DESCRIPTORS),
        literal: fixture("echo", ["$(touch hacked)", "`id`", ";", "|", "*", "$HOME", "a b", "'", '"']),
      },
      allowedCommands: [`${process.execPath} ${fixture("echo").args[0]} 'a b' "c \\" d" $HOME ; * && x`],
    },
    env: { OWN_VALUE: "from the operator", UNRELATED: "nobody's business", NODE_OPTIONS: "--no-warnings" },
  });
});
afterAll(() => proxy.stop());
// A child that an earlier test left is still being stopped: a test that says "nothing starts" must not see it.
beforeEach(() => quiet(proxy));

describe("what a child may see", () => {
  test("its environment holds the base, the operator's and its own client's variables, and no secret of the proxy", async () => {
    const token = proxy.canary();
    const session = await proxy.openSse("echo", { ENV_TOKEN: token });
    const names = (await session.look("env-names")) as string[];
    expect(names).toContain("PATH");
    expect(names).toContain("HOME");
    for (const name of [
      "MAXIM_SECRET",
      "UNRELATED",
      "NODE_OPTIONS",
      "OWN_VALUE",
      "MCP_PROXY_CONFIG",
      "LOG_LEVEL",
      "PORT",
    ]) {
      expect(names).not.toContain(name);
    }
    expect(await session.look("env", { name: "TOKEN" })).toBe(token);
    expect(await session.look("env", { name: "OPERATOR_SAYS" })).toBe("from the operator");
    session.close();
  });

  test("two clients at once see their own variables and nothing of each other", async () => {
    const tokens = [proxy.canary(), proxy.canary()];
    const sessions = await Promise.all(tokens.map((token) => proxy.openSse("echo", { "Env-Token": token })));
    for (const [index, session] of sessions.entries()) {
      expect(await session.look("env", { name: "TOKEN" })).toBe(tokens[index] ?? "");
      expect(session.messages().length).toBe(1);
      session.close();
    }
  });

  test.each([
    ["not declared", "echo", { ENV_OTHER: "1" }, "OTHER"],
    ["denied", "any", { ENV_NODE_OPTIONS: "--import=data:text/javascript,1" }, "NODE_OPTIONS"],
    ["denied in any case", "any", { env_npm_config_registry: "http://evil" }, "NPM_CONFIG_REGISTRY"],
    ["denied under its alias", "any", { "Env-Ld-Preload": "/x.so" }, "LD_PRELOAD"],
    ["denied: the proxy's own", "any", { ENV_MAXIM_SECRET: "x" }, "MAXIM_SECRET"],
    ["malformed", "any", { ENV_1A: "x" }, "1A"],
    ["malformed", "any", { "ENV_BASH_FUNC_ls%%": "x" }, "BASH_FUNC_LS"],
    ["given twice", "echo", { ENV_TOKEN: "a", "Env-Token": "b" }, "TOKEN"],
    ["shaped like a function", "any", { ENV_THING: "() { :; }; x" }, "THING"],
  ] as const)(
    "a client variable that is %s gets 400 naming it, before anything starts",
    async (_, server, headers, name) => {
      const answer = await proxy.fetch(`/${server}/sse`, { headers });
      expect(answer.status).toBe(400);
      expect((await answer.text()).toUpperCase()).toContain(name);
      expect(proxy.children()).toEqual([]);
    },
  );

  test("it runs in a directory of its own that goes with it", async () => {
    const sessions = await Promise.all([proxy.openSse("echo"), proxy.openSse("echo")]);
    const directories = await Promise.all(sessions.map((session) => session.look("cwd")));
    expect(directories[0]).not.toBe(directories[1]);
    for (const directory of directories) expect(String(directory)).toStartWith(proxy.temporary);
    for (const session of sessions) session.close();
    await quiet(proxy);
    expect(childDirectories(proxy)).toEqual([]);
  });

  testWhen(canDropPrivileges(), "another user cannot run the proxy here")(
    "C21: it cannot read the proxy's environment, nor find its secret in any process",
    async () => {
      await using plain = await startProxy({ config: { mcpServers: { echo: fixture("echo") } }, unprivileged: true });
      const session = await plain.openSse("echo");
      expect(await session.look("read", { path: `/proc/${plain.pid}/environ` })).toHaveProperty("failed");
      for (const file of ["mem", "maps", "fd"]) {
        expect(await session.look("read", { path: `/proc/${plain.pid}/${file}` })).toHaveProperty("failed");
      }
      for (const pid of (await session.look("pids")) as number[]) {
        const seen = JSON.stringify(await session.look("read", { path: `/proc/${pid}/environ` }));
        expect(seen).not.toContain(plain.secret);
      }
      session.close();
    },
  );

  testWhen(canContain(), "bubblewrap makes no PID namespace here")(
    "C21: it cannot read the environment of another client's child",
    async () => {
      const token = proxy.canary();
      const other = await proxy.openSse("echo", { ENV_TOKEN: token });
      const session = await proxy.openSse("any");
      const pids = new Set([...proxy.children().map(({ pid }) => pid), ...((await session.look("pids")) as number[])]);
      expect(pids.size).toBeGreaterThan(2);
      for (const pid of pids) {
        expect(JSON.stringify(await session.look("read", { path: `/proc/${pid}/environ` }))).not.toContain(token);
      }
      other.close();
      session.close();
    },
  );

  test("C22: it inherits no descriptor but its three", async () => {
    const session = await proxy.openSse("descriptors");
    await session.post('{"jsonrpc":"2.0","method":"go"}');
    const { params } = await session.message("the list", ({ method }) => method === "descriptors");
    expect(params?.["extra"]).toBe("");
    session.close();
  });

  test("C23: /dev/stdout cannot be opened anew, as its stdout is a socket", async () => {
    const session = await proxy.openSse("echo");
    expect(await session.look("open-stdout")).toEqual({ failed: "ENXIO" });
    session.close();
  });

  test("F4: no shell reads the words of a command, wherever they come from", async () => {
    const listed = await proxy.openSse("literal");
    expect(await listed.look("argv")).toEqual(["$(touch hacked)", "`id`", ";", "|", "*", "$HOME", "a b", "'", '"']);
    listed.close();
    const written = await proxy.openSse(
      `${process.execPath} ${fixture("echo").args[0]} 'a b' "c \\" d" $HOME ; * && x`,
    );
    expect(await written.look("argv")).toEqual(["a b", 'c " d', "$HOME", ";", "*", "&&", "x"]);
    written.close();
  });
});
