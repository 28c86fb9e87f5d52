import { ProxyError } from "../base/errors.ts";
import type { Call } from "../link/shared.ts";
import type { Lease } from "../pool/lease.ts";
import { playRound, refusalOfRound } from "./input-round.ts";
import {
  envelopeMembers,
  type InputRequired,
  inputRequiredOf,
  retryOf,
  toLegacyAnswer,
  toModernRequest,
} from "./messages/legacy-client-modern-server.ts";
import type { ServerRequest, ServerRequestOptions } from "./server-request.ts";

/** Rounds that one request may take. */
const MAX_ROUNDS = 100;

/** A server that wants to be asked again, and nothing else, is not asked faster and faster. */
const RETRY_STEP_MS = 20;
const MAX_RETRY_MS = 2_000;

/** A legacy client's request at a modern child: context goes along with it, and rounds of input are played as requests to the client. */
export function createModernServerRequest(options: ServerRequestOptions): ServerRequest {
  const { parts, request, logLevel, signal, onOver } = options;
  const { source, client, clientRequests, deliver, refuse, explain } = parts;
  // Log messages name no request: they are this one's if it has the child alone.
  const isAlone = logLevel() !== undefined && !source.isOwn;
  let lease: Lease | undefined;
  /** Set while the child is at work on it. */
  let call: Call | undefined;
  let isOver = false;

  const end = () => {
    if (isOver) return;
    isOver = true;
    // What it tells of its work must not reach whoever has it alone next.
    if (isAlone && call !== undefined) lease?.retire();
    lease?.release();
    onOver();
  };

  const fail = (error: unknown) => {
    if (isOver) return;
    end();
    refuse(request, explain(error));
  };

  const answer = (line: Buffer) => {
    call = undefined;
    end();
    return deliver({ line: toLegacyAnswer(line, request.method), message: { kind: "response", id: request.id } });
  };

  const answerError = (error: object) =>
    void answer(Buffer.from(`{"jsonrpc":"2.0","id":${request.rawId},"error":${JSON.stringify(error)}}`));

  /** Asks the client for all that the server wants, and repeats the request with what it said. */
  const goOn = async (child: Lease, wanted: InputRequired, round: number) => {
    if (round >= MAX_ROUNDS)
      throw new ProxyError("child_refused", { message: `The server wanted more than ${MAX_ROUNDS} rounds of input.` });
    const refusal = refusalOfRound(wanted, client.capabilities);
    if (refusal !== undefined) return answerError(refusal);
    if (wanted.requests.size === 0) await Bun.sleep(Math.min(round * RETRY_STEP_MS, MAX_RETRY_MS));
    if (isOver) return;
    // Its child is free for nobody else meanwhile, but others need not wait for this client.
    if (isAlone) child.setParked(true);
    const outcome = await playRound(wanted, clientRequests, request.id);
    if (isOver) return;
    if (isAlone) child.setParked(false);
    if (outcome.kind === "error") answerError(outcome.error);
    else send(child, retryOf(request.line, outcome.responses, wanted.requestState), round + 1);
  };

  const send = (child: Lease, line: Buffer, round: number) => {
    try {
      call = child.link.call(
        { line: toModernRequest(line, envelopeMembers(client, logLevel())), method: request.method },
        {
          onNotification: (said, method) => deliver({ line: said, message: { kind: "notification", method } }),
          onAnswer: (answered) => {
            const wanted = inputRequiredOf(answered);
            if (wanted === undefined) return answer(answered);
            call = undefined;
            goOn(child, wanted, round).catch(fail);
            return undefined;
          },
          onFailure: fail,
        },
      );
    } catch (error) {
      fail(error);
    }
  };

  return {
    begin: async () => {
      let leased: Lease;
      try {
        leased = await source.lease(isAlone ? "alone" : "shared", signal);
      } catch (error) {
        const wasOver = isOver;
        end();
        if (!(error instanceof ProxyError)) throw error;
        if (!wasOver) refuse(request, error);
        return false;
      }
      if (isOver) {
        leased.release();
        return false;
      }
      lease = leased;
      if (isAlone) {
        leased.listen({ onNotification: (raw) => deliver({ ...raw, about: request.id }), onRequest: () => undefined });
      }
      send(leased, request.line, 0);
      return true;
    },
    cancel: (reason) => {
      clientRequests.abandon(request.id);
      call?.cancel(reason);
      end();
    },
  };
}
