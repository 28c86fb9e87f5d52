import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdLock, lockState, lockText } from "../../src/process/lock.ts";
import { within } from "../support/eventually.ts";

const root = mkdtempSync(join(tmpdir(), "lock-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test.if(process.platform === "linux")("a lock is held until it is let go of, and holds its text", () => {
  const path = join(root, "own");
  expect(lockState(path)).toBe("missing");
  const release = holdLock(path, "instance");
  expect([lockState(path), lockState(path), lockText(path)]).toEqual(["held", "held", "instance"]);
  expect(() => holdLock(path, "another")).toThrow("EEXIST");
  release();
  expect([lockState(path), lockText(path)]).toEqual(["free", "instance"]);
});

test.if(process.platform === "linux")(
  "a process that is killed lets go of its lock, though its child lives on",
  async () => {
    const path = join(root, "killed");
    const code = `
    const { holdLock } = await import(${JSON.stringify(join(import.meta.dir, "../../src/process/lock.ts"))});
    holdLock(${JSON.stringify(path)}, "x");
    const child = Bun.spawn(["sleep", "600"], { stdout: "ignore", stdin: "ignore" });
    console.log(child.pid);
    setInterval(() => {}, 1000);
  `;
    const holder = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    const reader = holder.stdout.getReader();
    const child = Number(Buffer.from((await within("the lock", reader.read())).value ?? "").toString());
    try {
      expect(lockState(path)).toBe("held");
      holder.kill("SIGKILL");
      await within("its end", holder.exited);
      expect(lockState(path)).toBe("free");
      expect(readFileSync(`/proc/${child}/comm`, "utf8")).toBe("sleep\n");
    } finally {
      process.kill(child, "SIGKILL");
    }
  },
);

test("a link is no lock", () => {
  symlinkSync("/etc/passwd", join(root, "link"));
  expect(lockState(join(root, "link"))).toBe("unknown");
});
