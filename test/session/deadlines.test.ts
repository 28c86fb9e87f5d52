import { describe, expect, test } from "bun:test";
import { createDeadlines, type Deadlines } from "../../src/session/deadlines.ts";
import type { EndReason } from "../../src/session/endings.ts";
import { createPendingRequests, type PendingRequests } from "../../src/session/pending.ts";
import { createQuestions, type Questions } from "../../src/session/questions.ts";
import { type ServerChanges, scriptServer } from "../process/child-host.ts";
import { eventually, within } from "../support/eventually.ts";

interface Kept {
  readonly deadlines: Deadlines;
  readonly pending: PendingRequests;
  readonly questions: Questions;
  readonly overdue: string[];
  readonly ended: Promise<EndReason>;
  readonly setOpen: (isOpen: boolean) => void;
  readonly setStalled: () => void;
}

/** Deadlines of a session whose client and child are in the hand of the test. */
function keep(timeouts: ServerChanges["timeouts"]): Kept {
  const pending = createPendingRequests();
  const questions = createQuestions({ userMs: timeouts?.parkedMs ?? 0, requestMs: timeouts?.requestMs ?? 0 });
  const overdue: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<EndReason>();
  let isOpen = true;
  let isStalled = false;
  const deadlines = createDeadlines({
    timeouts: scriptServer("", { ...(timeouts && { timeouts }) }).timeouts,
    output: {
      isOpen: () => isOpen,
      check: () => (isStalled ? "stalled" : "ok"),
      nextCheck: () => performance.now() + 5,
      patienceMs: Number.POSITIVE_INFINITY,
    },
    pending,
    questions,
    onUnanswered: (unanswered) => overdue.push(...unanswered.map(({ method }) => method)),
    onOverdue: (requests) => overdue.push(...requests.map(({ id }) => id)),
    onEnd: (reason) => {
      deadlines.close();
      resolve(reason);
    },
  });
  return {
    deadlines,
    pending,
    questions,
    overdue,
    ended,
    setOpen: (open) => {
      isOpen = open;
    },
    setStalled: () => {
      isStalled = true;
    },
  };
}

const ask = ({ pending, deadlines }: Kept, id: string) => {
  const now = performance.now();
  const names = { id, rawId: id, clientId: id, clientRawId: id };
  pending.add({ ...names, method: "x", progressToken: undefined }, deadlines.requestTime(now));
  deadlines.onRequest(now);
};

describe("a session ends", () => {
  test.each<[EndReason, ServerChanges["timeouts"], (kept: Kept) => void]>([
    ["lifetime", { lifetimeMs: 20 }, () => undefined],
    ["silent", { silentMs: 20, idleMs: 60_000 }, () => undefined],
    ["idle", { idleMs: 20, silentMs: 60_000 }, ({ setOpen }) => setOpen(false)],
    ["start-timeout", { startMs: 20, requestMs: 60_000 }, (kept) => ask(kept, "1")],
    ["stalled", {}, ({ setStalled }) => setStalled()],
  ])("by %s", async (reason, timeouts, act) => {
    const kept = keep(timeouts);
    act(kept);
    expect(await within("the end", kept.ended)).toBe(reason);
  });
});

test("a request whose time is over is given up, and nothing else ends", async () => {
  const kept = keep({ requestMs: 20 });
  kept.deadlines.onAnswer();
  ask(kept, "1");
  await eventually("the request to be overdue", () => kept.overdue.length === 1);
  expect(kept.pending.size()).toBe(0);
  kept.deadlines.close();
});

test("of a child that never answered anything, the start is what took too long", async () => {
  const kept = keep({ requestMs: 20, startMs: 20 });
  ask(kept, "1");
  expect(await within("the end", kept.ended)).toBe("start-timeout");
  expect(kept.overdue).toEqual([]);
});

describe("while the child waits for the client", () => {
  const askUser = ({ questions, deadlines }: Kept, id: string) => {
    const now = performance.now();
    const dueAt = questions.add({ id, rawId: id, method: "elicitation/create" }, now);
    deadlines.onQuestion(now, dueAt ?? 0);
  };

  test("the time of requests stands still, until that wait is over at its own limit", async () => {
    const kept = keep({ requestMs: 20, parkedMs: 150 });
    kept.deadlines.onAnswer();
    ask(kept, "1");
    askUser(kept, "q");
    await eventually("both to be overdue", () => kept.overdue.length === 2);
    expect(kept.overdue).toEqual(["elicitation/create", "1"]);
    kept.deadlines.close();
  });

  test("the time of requests goes on with the client's answer", async () => {
    const kept = keep({ requestMs: 20, parkedMs: 60_000 });
    kept.deadlines.onAnswer();
    ask(kept, "1");
    askUser(kept, "q");
    kept.questions.take("q");
    kept.deadlines.onQuestionOver(performance.now());
    await eventually("the request to be overdue", () => kept.overdue.length === 1);
    expect(kept.overdue).toEqual(["1"]);
    kept.deadlines.close();
  });
});
