import { describe, expect, test } from "bun:test";
import type { ProcessGroup } from "../../src/process/group.ts";
import { type StopOptions, stopGroup } from "../../src/process/stop-ladder.ts";
import { within } from "../support/eventually.ts";

/** More time than a test has: whoever waits for it fails. */
const FOR_EVER_MS = 600_000;

/** What a made-up group does when it is told to end; `leave` ends its leader, `die` all of it. */
interface Behaviour {
  readonly onStdinClosed?: (group: FakeGroup) => void;
  readonly onSigterm?: (group: FakeGroup) => void;
  readonly onSigkill?: (group: FakeGroup) => void;
}

interface FakeGroup extends ProcessGroup {
  readonly exited: Promise<void>;
  readonly leave: () => void;
  readonly die: () => void;
  readonly looks: () => number;
  /** What was done to it, in order. */
  readonly done: readonly string[];
  readonly closeStdin: () => void;
}

function fakeGroup({ onStdinClosed, onSigterm, onSigkill }: Behaviour): FakeGroup {
  const { promise: exited, resolve: leave } = Promise.withResolvers<void>();
  const done: string[] = [];
  let alive = true;
  let looks = 0;
  const group: FakeGroup = {
    exited,
    leave,
    done,
    looks: () => looks,
    die: () => {
      alive = false;
      leave();
    },
    isAlive: () => {
      looks++;
      return Promise.resolve(alive);
    },
    signal: (name) => {
      done.push(name);
      (name === "SIGTERM" ? onSigterm : onSigkill)?.(group);
      return Promise.resolve();
    },
    closeStdin: () => {
      done.push("stdin closed");
      onStdinClosed?.(group);
    },
  };
  return group;
}

const stop = (group: FakeGroup, more: Partial<StopOptions>) =>
  within(
    "the group to be stopped",
    stopGroup({
      group,
      exited: group.exited,
      closeStdin: group.closeStdin,
      gracefulMs: FOR_EVER_MS,
      hurry: new AbortController().signal,
      ...more,
    }),
  );

describe("a process group", () => {
  test("that heeds the end of its stdin gets no signal", async () => {
    const group = fakeGroup({ onStdinClosed: ({ die }) => die() });
    expect(await stop(group, {})).toBe("stdin");
    expect(group.done).toEqual(["stdin closed"]);
  });

  test("that was gone before is done at once", async () => {
    const group = fakeGroup({});
    group.die();
    expect(await stop(group, {})).toBe("stdin");
  });

  test("whose members outlive their leader is waited for, without a signal", async () => {
    const group = fakeGroup({
      onStdinClosed: ({ leave, die }) => {
        leave();
        setTimeout(die, 60);
      },
    });
    expect(await stop(group, {})).toBe("stdin");
    expect(group.done).toEqual(["stdin closed"]);
    expect(group.looks()).toBeGreaterThan(1);
  });

  test("that ignores its stdin gets SIGTERM", async () => {
    const group = fakeGroup({ onSigterm: ({ die }) => die() });
    expect(await stop(group, { gracefulMs: 50 })).toBe("sigterm");
    expect(group.done).toEqual(["stdin closed", "SIGTERM"]);
  });

  test("that ignores SIGTERM too gets SIGKILL", async () => {
    const group = fakeGroup({ onSigkill: ({ die }) => die() });
    expect(await stop(group, { gracefulMs: 50 })).toBe("sigkill");
    expect(group.done).toEqual(["stdin closed", "SIGTERM", "SIGKILL"]);
  });

  test("whose leader obeys SIGTERM while a member does not gets SIGKILL", async () => {
    const group = fakeGroup({ onSigterm: ({ leave }) => leave(), onSigkill: ({ die }) => die() });
    expect(await stop(group, { gracefulMs: 50 })).toBe("sigkill");
  });

  test("that even SIGKILL does not make disappear is not waited for without end", async () => {
    const group = fakeGroup({});
    expect(await stop(group, { gracefulMs: 0 })).toBe("sigkill");
  });
});

describe("hurry", () => {
  test("before the stop leaves no rung out and waits on none", async () => {
    const group = fakeGroup({ onSigkill: ({ die }) => die() });
    expect(await stop(group, { hurry: AbortSignal.abort() })).toBe("sigkill");
    expect(group.done).toEqual(["stdin closed", "SIGTERM", "SIGKILL"]);
  });

  test.each(["onStdinClosed", "onSigterm"] as const)("ends the wait that it comes into: %s", async (rung) => {
    const hurry = new AbortController();
    const group = fakeGroup({ [rung]: () => setTimeout(() => hurry.abort(), 20), onSigkill: ({ die }) => die() });
    const gracefulMs = rung === "onSigterm" ? 3_000 : FOR_EVER_MS;
    expect(await stop(group, { gracefulMs, hurry: hurry.signal })).toBe("sigkill");
  });

  test("ends the wait for members without a leader", async () => {
    const hurry = new AbortController();
    const group = fakeGroup({
      onStdinClosed: ({ leave }) => {
        leave();
        setTimeout(() => hurry.abort(), 60);
      },
      onSigkill: ({ die }) => die(),
    });
    expect(await stop(group, { hurry: hurry.signal })).toBe("sigkill");
  });
});
