import { missingCapability } from "../bridge/messages/capabilities.ts";
import { inputResponsesOf, toInputRequest } from "../bridge/messages/modern-client-legacy-server.ts";
import type { RawMessage } from "../link/link.ts";
import type { Lease } from "../pool/lease.ts";
import { textAt, valueAt } from "../wire/json-edit.ts";
import { jsonAt } from "../wire/json-value.ts";
import { idKey } from "../wire/message.ts";

export interface ServerQuestionsOptions {
  readonly lease: Pick<Lease, "link" | "retire" | "tellRoots">;
  /** The client's, as its request declares them. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** Whether the client can be asked for anything in answer to its request. */
  readonly isAskable: boolean;
  /** The client's roots, as JSON text, if it has been asked for them already. */
  readonly roots: string | undefined;
}

/**
 * What becomes of a question. `open`: the client is to be asked. `answered`: the proxy has answered in the client's place, be it with
 * a refusal. `impossible`: it was refused, and the server cannot do its work without what the client lacks.
 */
export type Taken =
  | { readonly kind: "open" }
  | { readonly kind: "answered" }
  | { readonly kind: "impossible"; readonly missing: Readonly<Record<string, unknown>> };

/** What a legacy child asks of the client of one call, each until it is answered, taken back or refused. */
export interface ServerQuestions {
  /** Takes a request of the child's. `isEarly`: it has not got the call yet, so it would ask this of anybody. */
  readonly take: (raw: RawMessage, isEarly: boolean) => Taken;
  /** Takes a notification of the child's, which may say that it does not wait for an answer any more. */
  readonly withdraw: (raw: RawMessage) => void;
  readonly open: () => number;
  /** What the client is to be asked: JSON text by the key under which it answers. */
  readonly inputRequests: () => ReadonlyMap<string, string>;
  /** Gives the child what the client's request brings along. */
  readonly answer: (line: Buffer, isEarly: boolean) => void;
  /** Nobody will answer any more: the child is told. */
  readonly refuseAll: () => void;
}

type ChildRequest = Extract<RawMessage["message"], { readonly kind: "request" }>;

export function createServerQuestions(options: ServerQuestionsOptions): ServerQuestions {
  const { lease, capabilities, isAskable, roots } = options;
  const open = new Map<string, { readonly line: Buffer; readonly request: ChildRequest }>();
  let count = 0;

  const respond = ({ rawId }: ChildRequest, outcome: string) =>
    lease.link.write(Buffer.from(`{"jsonrpc":"2.0","id":${rawId},${outcome}}`));

  const refuse = (request: ChildRequest, code: number, message: string): Taken => {
    respond(request, `"error":${JSON.stringify({ code, message })}`);
    return { kind: "answered" };
  };

  const tellRoots = (request: ChildRequest, known: string) => {
    lease.tellRoots(known);
    respond(request, `"result":${known}`);
  };

  const take = ({ line, message: request }: RawMessage, isEarly: boolean): Taken => {
    if (request.kind !== "request") return { kind: "answered" };
    const { method } = request;
    if (!isAskable)
      return refuse(request, -32603, "The client cannot be asked for anything in answer to this request.");
    const missing = missingCapability({ method, mode: jsonAt(line, ["params", "mode"]) }, capabilities);
    if (missing === "unknown") return refuse(request, -32601, "Method not found");
    if (missing !== undefined) {
      refuse(request, -32601, "The client does not support this");
      return { kind: "impossible", missing };
    }
    if (method === "roots/list") {
      if (roots !== undefined) {
        tellRoots(request, roots);
        return { kind: "answered" };
      }
      if (!isEarly) lease.retire();
    }
    open.set(`${method.replace(/\/.*/, "")}-${++count}`, { line: Buffer.from(line), request });
    return { kind: "open" };
  };

  return {
    take,
    withdraw: ({ line, message }) => {
      if (message.kind !== "notification" || message.method !== "notifications/cancelled") return;
      const id = valueAt(line, ["params", "requestId"]);
      if (id === undefined) return;
      const asked = idKey(textAt(line, id));
      for (const [key, { request }] of open) if (request.id === asked) open.delete(key);
    },
    open: () => open.size,
    inputRequests: () =>
      new Map([...open].map(([key, { line, request }]) => [key, toInputRequest(line, request.method)])),
    answer: (line, isEarly) => {
      const responses = inputResponsesOf(line);
      for (const [key, { request }] of open) {
        const response = responses.get(key);
        if (response === undefined) continue;
        open.delete(key);
        // Roots that a call asks for are that call's affair: the next client is not asked for its own first.
        if (request.method === "roots/list" && isEarly) tellRoots(request, response);
        else respond(request, `"result":${response}`);
      }
    },
    refuseAll: () => {
      for (const { request } of open.values()) refuse(request, -32603, "The client gave no answer.");
      open.clear();
    },
  };
}
