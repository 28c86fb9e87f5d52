import type { Principal } from "../base/principal.ts";
import type { Server } from "../process/server.ts";

/** Who asks for what: nobody else may share a child with them. */
export interface Caller {
  readonly server: Server;
  readonly principal: Principal;
  readonly variables: ReadonlyMap<string, string>;
}

/** One caller with one set of variables: the same text for the same ones, and not to be turned back into them. */
export function callerKey({ server, principal, variables }: Caller): string {
  const sorted = [...variables].sort(([a], [b]) => (a < b ? -1 : 1));
  return Bun.SHA256.hash(JSON.stringify([server.name, principal.id, sorted]), "base64");
}
