import { describe, expect, test } from "bun:test";
import type { RawMessage } from "../../src/link/link.ts";
import { createPendingRequests, type PendingRequests } from "../../src/session/pending.ts";
import {
  answerForClient,
  createRequestNames,
  type NamedRequest,
  type NameRequest,
  progressForClient,
} from "../../src/session/request-names.ts";
import { readClientMessage } from "../../src/transport/client-message.ts";
import { createJsonScanner } from "../../src/wire/json-scan.ts";
import { readMessage } from "../../src/wire/message.ts";

const scan = createJsonScanner(64);

interface Names {
  readonly pending: PendingRequests;
  /** Sends a request with this id (JSON text), and a progress token likewise. */
  readonly ask: (id: string, token?: string) => NamedRequest;
  readonly name: NameRequest;
}

const read = (text: string): RawMessage => readClientMessage(Buffer.from(text), scan);

function createNames(): Names {
  const pending = createPendingRequests();
  const name = createRequestNames(pending);
  const ask = (id: string, token?: string) => {
    const params = token === undefined ? "" : `,"params":{"_meta":{"progressToken":${token}}}`;
    const raw = read(`{ "jsonrpc":"2.0", "id": ${id},"method":"x"${params}}`);
    if (raw.message.kind !== "request") throw new Error("no request");
    const named = name(raw, raw.message);
    pending.add(named.pending, 0);
    return named;
  };
  return { pending, ask, name };
}

const idOf = ({ raw }: NamedRequest): unknown => JSON.parse(raw.line.toString()).id;
const tokenOf = ({ raw }: NamedRequest): unknown => JSON.parse(raw.line.toString()).params?._meta?.progressToken;

describe("a request", () => {
  test("that clashes with none passes as it came, the very same bytes", () => {
    const { ask, pending } = createNames();
    ask("1", "1");
    const named = ask("2", "2");
    expect(named.raw.line.toString()).toContain('{ "jsonrpc":"2.0", "id": 2,');
    pending.settle("1");
    expect(ask("1", "1").raw.line.toString()).toContain('"id": 1,');
  });

  test.each([
    ["the same id", "1", "1", "number"],
    ["the same id as text", '"a"', '"a"', "string"],
    ["an id that is text for a number", "1", '"1"', "string"],
    ["an id that is a number for text", '"1"', "1", "number"],
    ["the same number, written otherwise", "1", "1e0", "number"],
  ])("with %s in flight gets one of ours, of the same type, and its answer its own again", (_, first, second, type) => {
    const { ask, pending } = createNames();
    ask(first);
    const named = ask(second);
    const seen: unknown = typeof idOf(named);
    expect(seen).toBe(type);
    expect(String(idOf(named))).not.toBe(String(JSON.parse(second)));
    const request = pending.settle(named.pending.id);
    if (request === undefined) throw new Error("it is not known by its name");
    const answer = Buffer.from(`{"jsonrpc":"2.0","id":${named.pending.rawId},"result":{"id":7}}`);
    const message = { kind: "response", id: named.pending.id } as const;
    expect(answerForClient(answer, message, request).toString()).toBe(
      `{"jsonrpc":"2.0","id":${second},"result":{"id":7}}`,
    );
  });

  test.each([
    ["7", '"7"', "7"],
    ['"7"', "7", '"7"'],
    ["7", "7.0", "7"],
    ["1.0", "1", "1.0"],
    ['"\\u0061"', '"a"', '"\\u0061"'],
  ])("%s that is answered under %s is answered as it was sent", (sent, answered, told) => {
    const line = Buffer.from(`{"jsonrpc":"2.0","id":${answered},"result":1}`);
    const message = readMessage(line, createJsonScanner(8));
    if (typeof message === "string" || message.kind !== "response") throw new Error("no answer");
    expect(answerForClient(line, message, { clientRawId: sent }).toString()).toBe(
      `{"jsonrpc":"2.0","id":${told},"result":1}`,
    );
  });

  test("whose id was given up, and may be answered yet, gets one of ours; one that was answered late does not", () => {
    const { ask, pending } = createNames();
    ask("1");
    pending.giveUp("1");
    const named = ask("1");
    expect(idOf(named)).not.toBe(1);
    // The answer that is late is nobody's.
    expect(pending.settle("1")).toBeUndefined();
    pending.settle(named.pending.id);
    expect(idOf(ask("1"))).toBe(1);
  });

  test("has its progress token renamed where that clashes, be its own id free or not", () => {
    const { ask, pending } = createNames();
    ask("1", '"t"');
    const other = ask("2", '"t"');
    expect(idOf(other)).toBe(2);
    expect(tokenOf(other)).not.toBe("t");
    const request = pending.touch(JSON.stringify(tokenOf(other)), 0);
    if (request === undefined) throw new Error("its token is not known");
    expect(request.id).toBe("2");
    const report = Buffer.from(`{"params":{"progressToken":${JSON.stringify(tokenOf(other))},"progress":1}}`);
    expect(progressForClient(report, request).toString()).toBe('{"params":{"progressToken":"t","progress":1}}');
    const twin = ask("1", '"t"');
    expect(idOf(twin)).not.toBe(1);
    expect(new Set(["t", tokenOf(other), tokenOf(twin)]).size).toBe(3);
  });

  test("never gets a name that the client uses itself", () => {
    const { ask } = createNames();
    const taken = ask("1000000001");
    ask("5");
    expect(idOf(ask("5"))).not.toBe(idOf(taken));
  });
});

test("a cancellation means the request that was sent last under its id", () => {
  const { ask, pending } = createNames();
  const first = ask("1");
  const second = ask("1");
  expect(pending.latest("1")?.id).toBe(second.pending.id);
  pending.giveUp(second.pending.id);
  expect(pending.latest("1")?.id).toBe(first.pending.id);
  // A name of ours is no name of the client's.
  expect(pending.latest(second.pending.id)).toBeUndefined();
});
