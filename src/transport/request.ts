import type { Principal } from "../base/principal.ts";
import type { Server } from "../process/server.ts";

export type Fields = Readonly<Record<string, string>>;

/** One request to a transport, guarded already. */
export interface TransportRequest {
  readonly request: Request;
  readonly server: Server;
  readonly principal: Principal;
  /** The client's address, for the log. */
  readonly client: () => string;
  /** Header fields of every answer to this caller. */
  readonly fields: Fields;
  /** Lifts the time limit of the connection, for an answer that may be quiet for long. */
  readonly keepOpen: () => void;
}

export interface TransportAnswer {
  readonly response: Response;
  /** Name of the session, for the log. */
  readonly session: string;
}
