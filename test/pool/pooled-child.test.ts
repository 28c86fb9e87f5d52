import { describe, expect, test } from "bun:test";
import type { Bystander } from "../../src/link/call-events.ts";
import { identityOfDiscover, identityOfInitialize } from "../../src/link/identity.ts";
import type { RawMessage } from "../../src/link/link.ts";
import type { SharedLink } from "../../src/link/shared.ts";
import { createNotifications } from "../../src/pool/notifications.ts";
import { createPooledChild } from "../../src/pool/pooled-child.ts";

const IDENTITIES = {
  legacy: identityOfInitialize({ protocolVersion: "2025-11-25", capabilities: {} }),
  modern: identityOfDiscover({ supportedVersions: ["2026-07-28"], capabilities: {} }),
};

const asks = (method: string, id: number): RawMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method })),
  message: { kind: "request", id: `${id}`, rawId: `${id}`, method },
});
const tells = (method: string, params: object = {}): RawMessage => ({
  line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params })),
  message: { kind: "notification", method },
});

/** A child of the pool, whose process is in the test's hand. */
function make(era: "legacy" | "modern" = "legacy", isAskable = true) {
  const identity = IDENTITIES[era];
  if (identity === undefined) throw new Error("no identity");
  let bystander: Bystander | undefined;
  let isEnded = false;
  const written: unknown[] = [];
  const link: SharedLink = {
    pid: 1,
    spoke: Promise.resolve(),
    call: () => expect.unreachable(),
    write: (line) => void written.push(JSON.parse(line.toString())),
    startWords: () => ({ stderr: "", reason: undefined }),
    inFlight: () => 0,
    listen: (next) => {
      bystander = next;
    },
    ended: new Promise(() => {}),
    isEnded: () => isEnded,
    stop: () => Promise.resolve(),
  };
  const notifications = createNotifications();
  const published: string[] = [];
  notifications.listen(({ method }) => void published.push(method));
  const pooled = createPooledChild({ name: "n", link, identity, isAskable, notifications });
  const heard: RawMessage[] = [];
  const listener = {
    onNotification: (raw: RawMessage) => void heard.push(raw),
    onRequest: (raw: RawMessage) => void heard.push(raw),
  };
  return {
    pooled,
    written,
    published,
    heard,
    listener,
    says: (raw: RawMessage) => {
      if (raw.message.kind === "request") bystander?.onRequest(raw);
      else void bystander?.onNotification(raw);
    },
    end: () => {
      isEnded = true;
    },
  };
}

describe("a child of the pool", () => {
  test("keeps what it asks before anybody is there, within bounds, for the first who listens", () => {
    const { pooled, says, written, listener } = make();
    for (let id = 1; id <= 20; id++) says(asks("roots/list", id));
    says(tells("notifications/cancelled", { requestId: 2 }));
    says(tells("notifications/cancelled", { requestId: { toString: 1 } }));
    expect(written.length).toBe(4);
    const { waiting } = pooled.listen(listener);
    expect(waiting.map(({ message }) => message.kind === "request" && message.rawId)).toEqual(
      Array.from({ length: 16 }, (_, index) => `${index + 1}`).filter((id) => id !== "2"),
    );
    expect(pooled.listen(listener).waiting).toEqual([]);
  });

  test("is heard by whoever has it, and by nobody where it is not clear whose it would be", () => {
    const { pooled, says, heard, listener, written } = make();
    const { leave } = pooled.listen(listener);
    says(tells("notifications/message"));
    says(asks("elicitation/create", 1));
    expect(heard.length).toBe(2);
    const other = pooled.listen({ ...listener });
    says(tells("notifications/message"));
    says(asks("elicitation/create", 2));
    expect(heard.length).toBe(2);
    expect(written).toMatchObject([{ id: 2, error: { code: -32603 } }]);
    other.leave();
    other.leave();
    says(tells("notifications/message"));
    expect(heard.length).toBe(3);
    leave();
    says(tells("notifications/message"));
    expect(heard.length).toBe(3);
  });

  test("tells everybody what concerns everybody, and answers pings itself", () => {
    const { pooled, says, published, heard, listener, written } = make();
    pooled.listen(listener);
    for (const method of ["notifications/tools/list_changed", "notifications/resources/updated"]) says(tells(method));
    says(asks("ping", 7));
    expect(published).toEqual(["notifications/tools/list_changed", "notifications/resources/updated"]);
    expect(heard).toEqual([]);
    expect(written).toEqual([{ jsonrpc: "2.0", id: 7, result: {} }]);
  });

  test("goes to nobody else when it talks on about a call of somebody who had it alone", () => {
    const { pooled, says, listener } = make();
    pooled.isAlone = true;
    const { leave } = pooled.listen(listener);
    pooled.isAlone = false;
    leave();
    says(tells("notifications/progress"));
    expect(pooled.isRetired).toBe(false);
    says(tells("notifications/message"));
    expect(pooled.isRetired).toBe(true);
  });

  test.each([
    ["modern", true],
    ["legacy", false],
  ] as const)("that is %s, or whose clients cannot be asked (%p), has its questions refused", (era, isAskable) => {
    const { says, written } = make(era, isAskable);
    says(asks("elicitation/create", 3));
    expect(written).toMatchObject([{ id: 3, error: { message: "No client is there to be asked." } }]);
  });

  test("names the one culprit of its end, and nobody where several had calls", () => {
    const { pooled, end } = make();
    expect(pooled.soleUser()).toBeUndefined();
    pooled.usedBy(() => "gone")();
    const over = pooled.usedBy(() => "one");
    pooled.usedBy(() => "one");
    expect(pooled.soleUser()).toBe("one");
    end();
    over();
    pooled.usedBy(() => "two");
    expect(pooled.soleUser()).toBeUndefined();
  });
});
