import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTemporaryRoot, homeWarnings } from "../../src/process/temporary-root.ts";

const root = mkdtempSync(join(tmpdir(), "root-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function directory(name: string, mode = 0o700): string {
  const path = join(root, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

function found(environment: Readonly<Record<string, string>>) {
  const result = findTemporaryRoot(environment);
  if (!result.ok) throw new Error(result.problem);
  return result;
}

describe.if(process.platform === "linux")("the place for the children's directories", () => {
  test("is TMPDIR where it is the user's own, and nothing is left there", () => {
    const TMPDIR = directory("own");
    const { path, warnings, places } = found({ TMPDIR, HOME: directory("home1") });
    expect([path, warnings]).toEqual([TMPDIR, []]);
    expect(places).toContain(TMPDIR);
    expect(readdirSync(TMPDIR)).toEqual([]);
  });

  test("is below HOME rather than where others can write", () => {
    const HOME = directory("home2");
    for (const TMPDIR of [directory("sticky", 0o1777), directory("group", 0o777)]) {
      expect(found({ TMPDIR, HOME })).toMatchObject({ path: join(HOME, ".cache"), warnings: [] });
    }
  });

  test("is where others can write when there is no other, and that is said", () => {
    const TMPDIR = directory("only", 0o1777);
    const { path, warnings } = found({ TMPDIR, HOME: "/proc/none" });
    expect(path).toBe(TMPDIR);
    expect(warnings.join()).toMatch(/Other users can write to .*TMPDIR/);
  });

  test("is another one when nothing can be made in TMPDIR, and that is said", () => {
    const HOME = directory("home3");
    const { path, warnings } = found({ TMPDIR: "/proc", HOME });
    expect(path).toBe(join(HOME, ".cache"));
    expect(warnings.join()).toMatch(/TMPDIR is \/proc, where nothing can be written \(E[A-Z]+\)/);
  });

  test("is a short one, for browsers' sockets, rather than a long one", () => {
    const HOME = directory("home4");
    const TMPDIR = directory("l".repeat(60));
    expect(found({ TMPDIR, HOME }).path).toBe(join(HOME, ".cache"));
    const { path, warnings } = found({ TMPDIR, HOME: "/proc" });
    expect([path, warnings.join()]).toEqual([TMPDIR, expect.stringContaining("browsers")]);
  });
});

describe("HOME", () => {
  test("that can be written is nothing to speak of", () => {
    const HOME = directory("home5");
    expect(homeWarnings({ HOME })).toEqual([]);
    expect(readdirSync(HOME)).toEqual([]);
  });

  test.if(process.platform === "linux").each([
    [{}, /^HOME is not set: .*set HOME/],
    [{ HOME: "/nowhere" }, /^HOME is \/nowhere, which does not exist: .*set HOME/],
    [{ HOME: "/proc" }, /^HOME is \/proc, where nothing can be written|^HOME is \/proc, which does not exist/],
    [{ HOME: join(root, "file") }, /which is no directory: .*set HOME/],
  ])("%j is said to keep npx from working", (environment, warning) => {
    writeFileSync(join(root, "file"), "");
    expect(homeWarnings(environment)).toEqual([expect.stringMatching(warning)]);
  });
});
