import { ERRORS } from "../base/errors.ts";
import { brokenObject } from "../wire/child-object.ts";
import type { JsonScanner } from "../wire/json-scan.ts";
import { errorAnswer, type MessageFlaw } from "../wire/message.ts";
import { createOpenObject } from "../wire/object-tracker.ts";
import { type Piece, salvage } from "../wire/salvage.ts";
import { asUtf8 } from "../wire/text-encoding.ts";
import type { OwedRequest, RawMessage } from "./link.ts";
import type { OddLinesLog } from "./odd-lines-log.ts";
import { createUnclaimedAnswers } from "./unclaimed-answers.ts";

/** Objects over several lines are kept up to this, where lines themselves have no bound. */
const LONGEST_OBJECT = 64 * 1024 * 1024;

const CODE = "child_bad_answer";

/** What is wrong with an answer, as the end of a sentence. */
const FLAWS: Readonly<Record<MessageFlaw, string>> = {
  "not-utf8": "it is no UTF-8",
  "not-json": "it is no valid JSON",
  "too-deep": "it is nested too deeply",
  "not-object": "it is no object",
  array: "it is an array",
  ambiguous: "a member of it comes twice, or in another letter case than JSON-RPC's",
  "null-members": "it has neither a result nor an error",
  "not-jsonrpc": "it has not exactly one of result and error",
  "bad-id": "its id is neither a text nor a number",
};

export interface OddLinesOptions {
  readonly scan: JsonScanner;
  /** Longest line, in bytes; 0: no bound. */
  readonly maxLineBytes: number;
  /** The requests that the child owes an answer. */
  readonly owed: () => Iterable<OwedRequest>;
  /** Given messages that come of a line later than the line itself. */
  readonly deliver: (messages: readonly RawMessage[]) => void;
  readonly shown: OddLinesLog;
}

/**
 * What to make of lines of a child that are no messages as they stand (MCP, stdio transport: a server must write none). Whatever
 * is recognisable goes on; an answer that cannot be read becomes an error for the request that it was for; the rest is shown to
 * the operator and dropped.
 */
export interface OddLines {
  /** A line that is no message. @returns the messages that it holds. */
  readonly take: (line: Buffer, flaw: MessageFlaw) => readonly RawMessage[];
  /** An answer that names no request. @returns what is to be passed on. */
  readonly takeUnaddressed: (answer: RawMessage) => readonly RawMessage[];
  /** Whether an object goes on over several lines. */
  readonly isOpen: () => boolean;
  /** That object gets no further: a message has come, or nothing. @returns what comes of it. */
  readonly giveUp: () => readonly RawMessage[];
  /**
   * What stands behind the last newline, when nothing has come for a moment. @returns the messages if it is made of whole ones;
   * undefined: it may go on.
   */
  readonly takeWhole: (rest: Buffer) => readonly RawMessage[] | undefined;
  /** Nothing more comes: what is open is dropped, since the child's own end says more than a half message. */
  readonly close: () => void;
}

export function createOddLines({ scan, maxLineBytes, owed, deliver, shown }: OddLinesOptions): OddLines {
  const open = createOpenObject(maxLineBytes === 0 ? LONGEST_OBJECT : maxLineBytes);

  const failureOf = ({ id, rawId }: OwedRequest, flaw: string): RawMessage => {
    const line = errorAnswer(rawId, ERRORS[CODE].rpc, `The server's answer cannot be used: ${flaw}.`, { code: CODE });
    return { line: Buffer.from(line), message: { kind: "response", id, isError: true } };
  };
  const unclaimed = createUnclaimedAnswers({ owed, failureOf, deliver });

  const drop = (bytes: Buffer, flaw: MessageFlaw) => shown.drop(bytes, flaw);

  const onBroken = (piece: Extract<Piece, { kind: "broken-answer" }>): readonly RawMessage[] => {
    // Whose it is decides who may read of it: what names no request is quoted to nobody.
    const quoted = piece.id === undefined ? "" : ` (${shown.quote(piece.bytes)})`;
    drop(piece.bytes, piece.flaw);
    return unclaimed.fail(piece.id, `${FLAWS[piece.flaw]}${quoted}`, piece.isSure) ?? [];
  };

  const use = (pieces: readonly Piece[], flaw: MessageFlaw): RawMessage[] => {
    const messages: RawMessage[] = [];
    for (const piece of pieces) {
      if (piece.kind === "text") drop(piece.bytes, flaw);
      else if (piece.kind === "broken-answer") for (const message of onBroken(piece)) messages.push(message);
      else {
        shown.repaired(piece.repairs);
        const { line, message } = piece;
        const isUnaddressed = message.kind === "response" && message.id === "null";
        if (!isUnaddressed) messages.push({ line, message });
        else for (const claimed of unclaimed.claim({ line, message })) messages.push(claimed);
      }
    }
    return messages;
  };

  /** Whether the open object stands by itself. */
  let isOpenSure = true;

  const giveUp = (): RawMessage[] => {
    if (!open.isOpen()) return [];
    const bytes = open.take();
    const broken = brokenObject(bytes, "not-json");
    if (broken.kind === "broken-answer") return use([{ ...broken, bytes, isSure: isOpenSure }], broken.flaw);
    drop(bytes, "not-json");
    return [];
  };

  const begin = (line: Buffer, flaw: MessageFlaw): RawMessage[] => {
    const found = salvage(line, scan);
    const messages = use(found.pieces, flaw);
    if (found.open !== undefined) {
      open.begin(found.open.bytes);
      isOpenSure = found.open.isSure;
    }
    return messages;
  };

  const take = (line: Buffer, flaw: MessageFlaw): RawMessage[] => {
    if (!open.isOpen()) return begin(line, flaw);
    if (BEGINS_ANEW.test(line.toString("latin1", 0, 16))) return [...giveUp(), ...begin(line, flaw)];
    switch (open.add(asUtf8(line).bytes)) {
      case "goes-on":
        return [];
      case "closed":
        return begin(open.take(), "not-json");
      case "too-long":
        return giveUp();
    }
  };

  return {
    take,
    takeUnaddressed: unclaimed.claim,
    isOpen: open.isOpen,
    giveUp,
    takeWhole: (rest) => {
      if (open.isOpen()) return undefined;
      const found = salvage(rest, scan);
      if (found.open !== undefined || !found.pieces.some(({ kind }) => kind !== "text")) return undefined;
      return use(found.pieces, "not-json");
    },
    close: () => {
      if (open.isOpen()) drop(open.take(), "not-json");
      unclaimed.close();
    },
  };
}

/** How a message begins, which no line inside of an object that was laid out over several does. */
const BEGINS_ANEW = /^\{"(?:jsonrpc|id|result|error)"/;
