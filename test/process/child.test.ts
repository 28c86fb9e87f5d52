import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Child, connectChild, createTree, startChild } from "../../src/process/child.ts";
import { spawnProcess } from "../../src/process/spawn.ts";
import { StartFailure } from "../../src/process/start-failure.ts";
import { eventually, within } from "../support/eventually.ts";
import { isRunning, processesWithEnvironment } from "../support/process-table.ts";
import { createTestHost, type ServerChanges, scriptServer } from "./child-host.ts";

const PROXY_PASSWORD = "pr0xy-passw0rd";
const { host, root, logged, close } = createTestHost({ HTTPS_PROXY: `http://user:${PROXY_PASSWORD}@proxy.test:1` });
afterAll(async () => {
  await host.workspaces.close();
  expect(readdirSync(root)).toEqual([]);
  close();
});

let started = 0;
const nextName = () => String(++started);
const start = (script: string, changes?: ServerChanges, variables: Readonly<Record<string, string>> = {}) =>
  startChild(host, {
    server: scriptServer(script, changes),
    name: nextName(),
    variables: new Map(Object.entries(variables)),
  });

/** The directories of children that are there now. */
const directories = () =>
  readdirSync(root)
    .flatMap((own) => readdirSync(join(root, own)))
    .filter((name) => name !== "lock");

async function lastWords({ stderr }: Child): Promise<string> {
  await within("the rest of stderr", stderr.drained());
  return stderr.lastWords();
}

async function output(child: Child): Promise<string> {
  return within("its output", new Response(child.stdout).text());
}

describe("a child", () => {
  test("gets lines and gives back its output, in a directory of its own that goes with it", async () => {
    const child = await start('pwd; read -r line; echo "got $line"');
    expect(directories().length).toBe(1);
    expect(child.write(Buffer.from("hello"))).toBe("ok");
    const said = await output(child);
    expect(said).toMatch(/^.*\/mcp-\w{6}\/[a-z2-7]{8}\ngot hello\n$/);
    expect(said).toStartWith(root);
    expect(await child.exited).toEqual({ code: 0, signal: null });
    await child.stop();
    expect(directories()).toEqual([]);
  });

  test("is stopped once, however often that is asked for, with all that it started", async () => {
    const child = await start("sleep 600 & setsid sleep 601 & echo started; wait", {
      timeouts: { gracefulStopMs: 200 },
    });
    const marker = `${host.instance}.${started}`;
    await eventually("what it starts", () => processesWithEnvironment(marker).length === 3);
    await Promise.all([child.stop(), child.stop()]);
    await eventually("nothing to be left", () => processesWithEnvironment(marker).length === 0);
    expect(isRunning(child.pid)).toBe(false);
    expect(child.write(Buffer.from("x"))).toBe("closed");
    expect(logged.filter(({ msg, pid }) => msg === "child stopped" && pid === child.pid)).toEqual([
      expect.objectContaining({ rung: "sigterm", strays: expect.any(Number) }),
    ]);
  });

  test("with a working directory of the operator's gets no other, and leaves that one alone", async () => {
    const child = await start("pwd", { cwd: root });
    expect(await output(child)).toBe(`${root}\n`);
    expect(directories()).toEqual([]);
    await child.stop();
    expect(readdirSync(root).length).toBe(1);
  });

  test("leaves its last words without the client's, the operator's or the proxies' secrets", async () => {
    const child = await start(
      'echo "client $TOKEN operator $KEY proxy $HTTPS_PROXY" >&2; exit 3',
      { env: { KEY: "0perat0r-key" } },
      { TOKEN: "cl1ent-t0ken" },
    );
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(await lastWords(child)).toBe("client [TOKEN] operator [KEY] proxy [HTTPS_PROXY]");
    await child.stop();
    const text = JSON.stringify(logged);
    expect(text).toContain("client [TOKEN]");
    for (const secret of ["0perat0r-key", "cl1ent-t0ken", PROXY_PASSWORD]) expect(text).not.toContain(secret);
  });

  test("does not hold up its last words by a process that keeps its stderr", async () => {
    const child = await start("echo bye >&2; setsid sleep 602 & exit 4");
    expect(await child.exited).toEqual({ code: 4, signal: null });
    expect(await lastWords(child)).toBe("bye");
    await child.stop();
  });
});

describe("a child that cannot be started", () => {
  test.each<[string, ServerChanges, Readonly<Record<string, string>>, RegExp]>([
    ["has a program that was not found", { program: undefined }, {}, /not found when the configuration was read/],
    ["has a program that is gone since", { program: "/nowhere/program" }, {}, /\(ENOENT\)/],
    ["has a program that is none", { program: "/etc/passwd" }, {}, /\(E[A-Z]+\)/],
    ["has a working directory that is gone", { cwd: "/nowhere" }, {}, /\(E[A-Z]+\)/],
    ["gets a value that no program can have", {}, { TOKEN: "s3cr3t\0value" }, /\([A-Z_]+|unknown error\)/],
  ])("for it %s leaves nothing behind, and says nothing but why", async (_, changes, variables, reason) => {
    const failure = await start("true", changes, variables).catch((error: unknown) => error);
    if (!(failure instanceof StartFailure)) throw new Error("it did not fail");
    expect(failure.message).toMatch(reason);
    expect(failure.message).not.toContain("s3cr3t");
    expect(failure.isExhaustion).toBe(false);
    expect(directories()).toEqual([]);
  });

  test("for its output cannot be connected is ended, with all that it started", async () => {
    const name = nextName();
    const options = { server: scriptServer("", { timeouts: { gracefulStopMs: 100 } }), name, variables: new Map() };
    const workspace = await host.workspaces.create();
    const tree = createTree(host, options, workspace);
    const spawned = spawnProcess({
      command: ["/bin/sh", "-c", "sleep 603 & sleep 604"],
      cwd: "/",
      environment: { PATH: process.env["PATH"] ?? "", MCP_SSE_PROXY_CHILD: tree.marker },
      output: "ignore",
      onExit: tree.onExit,
    });
    const failure = await connectChild(host, options, spawned, tree).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartFailure);
    expect(isRunning(spawned.pid)).toBe(false);
    expect(processesWithEnvironment(tree.marker)).toEqual([]);
    expect(directories()).toEqual([]);
  });

  test("for want of something that the host has run out of is nobody's fault", () => {
    for (const code of ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ENOSPC", "EDQUOT"]) {
      expect(new StartFailure("x", code).isExhaustion).toBe(true);
    }
    for (const code of ["ENOENT", "EACCES", undefined]) expect(new StartFailure("x", code).isExhaustion).toBe(false);
  });
});
