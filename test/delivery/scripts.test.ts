import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

/** Our shell files with the shell that each is written for: its first line says, and a sourced one has its script's. */
function shellFiles(): [path: string, shell: string][] {
  const paths = ["scripts", "scripts/lib", ".ci"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile() && (!entry.name.includes(".") || entry.name.endsWith(".sh")))
      .map((entry) => `${folder}/${entry.name}`),
  );
  return paths.map((path) => {
    const first = readFileSync(join(ROOT, path), "utf8").split("\n")[0] ?? "";
    return [path, first.includes("bash") || path.endsWith("stand-ins.sh") ? "bash" : "sh"];
  });
}

describe("shell scripts", () => {
  test("the ones that the documentation names are there", () => {
    const paths = shellFiles().map(([path]) => path);
    for (const name of ["start", "test", "build", "deploy", "image-check"]) expect(paths).toContain(`scripts/${name}`);
    expect(paths).toContain(".ci/run");
  });

  test.each(shellFiles())("%s is well formed for %s", (path, shell) => {
    const parsed = Bun.spawnSync([shell, "-n", join(ROOT, path)], { stdio: ["ignore", "ignore", "pipe"] });
    expect(parsed.stderr.toString()).toBe("");
    expect(parsed.exitCode).toBe(0);
  });

  test.each(shellFiles().filter(([path]) => !path.endsWith(".sh")))(
    "%s can be run, and stops at the first fault",
    (path) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      expect(text).toMatch(/^#!(\/bin\/sh|\/usr\/bin\/env bash)\n/);
      expect(text).toMatch(/^set -eu/m);
      expect(statSync(join(ROOT, path)).mode & 0o111).not.toBe(0);
    },
  );
});
