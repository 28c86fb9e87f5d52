import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { runProxy } from "../support/launch.ts";
import { TEST_MS } from "../support/limits.ts";
import { quiet, startProxy } from "../support/proxy.ts";
import { fixture, shell } from "../support/server-entry.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

const IS_LINUX = process.platform === "linux";

describe.if(IS_LINUX)("where the host has no place for directories", () => {
  // Nobody can make a directory in /proc, not even root; with /tmp there is always another place, so that is not tried here.
  test.each(["check", "serve"] as const)("%s names TMPDIR and HOME", async (command) => {
    const env = { TMPDIR: "/proc", HOME: "/proc", XDG_RUNTIME_DIR: undefined, XDG_CACHE_HOME: undefined };
    if (command === "check") {
      const { exitCode, output } = await runProxy({ command, env });
      expect(exitCode).toBe(0);
      expect(output).toMatch(/TMPDIR is \/proc, where nothing can be written/);
      expect(output).toMatch(/HOME is \/proc, wh.*: set HOME/);
      return;
    }
    await using proxy = await startProxy({ env });
    for (const name of ["TMPDIR", "HOME"]) {
      await proxy.log.until(name, ({ level, msg }) => level === "WARN" && String(msg).startsWith(`${name} is /proc`));
    }
  });
});

test.each(["auto", "none"])(
  "the temporary directory may vanish while the proxy runs (containment %s)",
  async (containment) => {
    await using proxy = await startProxy({
      config: {
        containment,
        mcpServers: { names: shell('cd "$TMPDIR/.." && mkdir 1 2 3 4 5; exec cat'), echo: fixture("echo") },
      },
    });
    const first = await proxy.openSse("names");
    for (const name of readdirSync(proxy.temporary)) rmSync(join(proxy.temporary, name), { recursive: true });
    const second = await proxy.openSse("echo");
    expect((await second.request("ping")).result).toEqual({});
    first.close();
    second.close();
    await eventually("the children's end", () => proxy.children().length === 0);
    for (const name of readdirSync(proxy.temporary)) {
      for (const made of ["1", "2", "3", "4", "5"])
        rmSync(join(proxy.temporary, name, made), { recursive: true, force: true });
    }
    await quiet(proxy);
  },
);
