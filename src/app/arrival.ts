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

/** What the guards look at. */
export function callerOf({ request, server }: Arrival): Caller {
  return { headers: request.headers, peer: () => server?.requestIP(request)?.address ?? "" };
}
