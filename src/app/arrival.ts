import type { Caller } from "../guard/guard.ts";

/** What of Bun's server a request needs. */
export interface Connection {
  readonly requestIP: (request: Request) => { readonly address: string } | null;
  readonly timeout: (request: Request, seconds: number) => void;
}

/** A request as it arrives: with the connection that it came by, where the app listens itself. */
export interface Arrival {
  readonly request: Request;
  readonly server: Connection | null;
}

/** What the guards look at. An address that has been asked for is known also when the request is over: the connection tells it no more. */
export function callerOf({ request, server }: Arrival): Caller {
  let peer: string | undefined;
  return {
    headers: request.headers,
    peer: () => {
      peer ??= server?.requestIP(request)?.address ?? "";
      return peer;
    },
  };
}
