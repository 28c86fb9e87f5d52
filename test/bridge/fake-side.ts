import { ProxyError } from "../../src/base/errors.ts";
import { createClientRequests } from "../../src/bridge/client-requests.ts";
import { createLegacyServerSide } from "../../src/bridge/legacy-server-side.ts";
import { createModernServerSide } from "../../src/bridge/modern-server-side.ts";
import type { IncomingRequest, ServerSide } from "../../src/bridge/server-side.ts";
import type { Message } from "../support/sse-session.ts";
import { createFakeSource, type FakeSource } from "./fake-source.ts";

/** A session's server side between a made-up client and made-up children. */
export interface FakeSide extends FakeSource {
  readonly side: ServerSide;
  /** What the client got, in order. */
  readonly toClient: readonly Message[];
  /** Codes of the errors with which the proxy answered, by id. */
  readonly refusals: ReadonlyMap<string, string>;
  /** Sends a request as the client does. */
  readonly request: (id: string, method: string, params?: object) => Promise<void>;
  /** Answers a question as the client does. */
  readonly say: (id: unknown, members: object) => void;
}

const CLIENT = { clientInfo: '{"name":"c","version":"1"}', capabilities: '{"elicitation":{},"roots":{}}' };

export function createFakeSide(era: "legacy" | "modern", isOwn = false, capabilities?: object): FakeSide {
  const fake = createFakeSource(era, isOwn, capabilities);
  const { source, identity } = fake;
  const toClient: Message[] = [];
  const refusals = new Map<string, string>();
  const take = (line: Buffer): void => void toClient.push(JSON.parse(line.toString()) as Message);
  const clientRequests = createClientRequests(({ line }) => take(line));
  const create = era === "modern" ? createModernServerSide : createLegacyServerSide;
  const side = create({
    source,
    identity,
    client: CLIENT,
    isAskable: true,
    clientRequests,
    deliver: ({ line }) => {
      take(line);
      return undefined;
    },
    refuse: ({ id }: IncomingRequest, { code }: ProxyError) => void refusals.set(id, code),
    explain: (error) => {
      if (error instanceof ProxyError) return error;
      throw error;
    },
  });
  return {
    ...fake,
    side,
    toClient,
    refusals,
    request: (id, method, params = {}) => {
      const line = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      return side.request({ line, id, rawId: JSON.stringify(id), method });
    },
    say: (id, members) => {
      const key = JSON.stringify(id);
      clientRequests.answer({
        line: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, ...members })),
        message: { kind: "response", id: key },
      });
    },
  };
}
