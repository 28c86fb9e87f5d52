import type { Principal } from "../base/principal.ts";
import type { Profile } from "../link/handshake.ts";
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

/**
 * Who is to blame when a child dies of what it was sent, told apart as far as callers can be: by their address, where it is known,
 * and by what they have sent. Others of the same principal and variables are not kept out for it.
 *
 * @param opening what the child had got before it died: the content of `initialize`, or nothing.
 */
export function culpritKey(caller: string, address: string, opening: string): string {
  return Bun.SHA256.hash(JSON.stringify([caller, address, opening]), "base64");
}

/** Whoever asks for a child of the pool: `initialize` says what their profile has. */
export function culpritOf(
  caller: string,
  asking: { readonly profile: Profile; readonly address?: () => string },
): string {
  const { revision, capabilities, clientInfo } = asking.profile;
  return culpritKey(caller, asking.address?.() ?? "", JSON.stringify([revision, capabilities, clientInfo]));
}
