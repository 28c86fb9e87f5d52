import type { ProxyError } from "../../src/base/errors.ts";
import type { Round } from "../../src/stateless/round.ts";
import type { Message } from "../support/sse-session.ts";

/** A request of a made-up client, and what it got. */
export interface FakeRound {
  readonly round: Round;
  /** Notifications and the answer, in order. */
  readonly messages: readonly Message[];
  /** The result of the answer. */
  readonly result: () => Readonly<Record<string, unknown>> | undefined;
  readonly failure: () => ProxyError | undefined;
  readonly isCut: () => boolean;
  readonly setSlow: () => void;
}

export interface FakeRoundOptions {
  readonly id?: string;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  readonly logLevel?: "debug" | "info" | "error";
}

export function createFakeRound(options: FakeRoundOptions = {}): FakeRound {
  const { id = "1", method = "tools/call", params = {}, capabilities = {}, logLevel } = options;
  const messages: Message[] = [];
  let failure: ProxyError | undefined;
  let isCut = false;
  let isSlow = false;
  const take = (line: Buffer): undefined => {
    messages.push(JSON.parse(line.toString()) as Message);
  };
  return {
    messages,
    result: () => messages.find((message) => message.method === undefined)?.result,
    failure: () => failure,
    isCut: () => isCut,
    setSlow: () => {
      isSlow = true;
    },
    round: {
      line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params })),
      rawId: JSON.stringify(id),
      method,
      envelope: { revision: "2026-07-28", clientInfo: undefined, capabilities, logLevel },
      header: () => null,
      client: () => "192.0.2.1",
      sink: {
        begin: () => undefined,
        notify: take,
        isSlow: () => isSlow,
        answer: take,
        fail: (error) => {
          failure = error;
        },
        cut: () => {
          isCut = true;
        },
      },
    },
  };
}
