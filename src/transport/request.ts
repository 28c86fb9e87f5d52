import type { Principal } from "../base/principal.ts";
import type { RawMessage } from "../link/link.ts";
import type { Server } from "../process/server.ts";

export type Fields = Readonly<Record<string, string>>;

/** One request to a transport, guarded already. */
export interface TransportRequest {
  readonly request: Request;
  readonly server: Server;
  readonly principal: Principal;
  /** The client's address, also when the request is over, once its messages were admitted; asking for it costs. */
  readonly client: () => string;
  /** Header fields of every answer to this caller. */
  readonly fields: Fields;
  /** The path that stands before the proxy's own in URLs that this client is told; "" or "/x". */
  readonly publicPrefix: () => string;
  /**
   * To be called once with what the request holds, when it has been read: errors from then on have the id of its request.
   * Requests are counted against the caller's rate; answers and notifications never are. @throws ProxyError rate_limited.
   */
  readonly admit: (messages: readonly RawMessage[]) => void;
  /** To be called before a process is started for the request. @throws ProxyError rate_limited. */
  readonly admitStart: () => void;
  /** Lifts the time limit of the connection, for an answer that may be quiet for long. */
  readonly keepOpen: () => void;
}

export interface TransportAnswer {
  readonly response: Response;
  /** Name of the session, for the log. */
  readonly session: string;
}
