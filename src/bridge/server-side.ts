import type { ProxyError } from "../base/errors.ts";
import type { Explain } from "../base/explain.ts";
import type { Identity } from "../link/identity.ts";
import type { RawMessage } from "../link/link.ts";
import type { LogLevel } from "../wire/envelope.ts";
import type { IdKey } from "../wire/message.ts";
import type { ChildSource } from "./child-source.ts";
import type { ClientRequests } from "./client-requests.ts";
import type { LegacyClient } from "./messages/legacy-client-modern-server.ts";

/** A request of a session's client. */
export interface IncomingRequest {
  readonly line: Buffer;
  readonly id: IdKey;
  readonly rawId: string;
  readonly method: string;
}

/** What a session's server side is made of. */
export interface ServerSideParts {
  readonly source: ChildSource;
  readonly identity: Identity;
  readonly client: LegacyClient;
  /** Whether the client can be asked for something. */
  readonly isAskable: boolean;
  readonly clientRequests: ClientRequests;
  /** Sends a message to the client; the promise is pending while it is slow. */
  readonly deliver: (message: RawMessage) => Promise<void> | undefined;
  /** Answers a request in the server's place. */
  readonly refuse: (request: IncomingRequest, error: ProxyError) => void;
  /** For what fails beside the request that it belongs to. */
  readonly explain: Explain;
}

/** The side of a bridged session that speaks to children of one era. */
export interface ServerSide {
  readonly request: (request: IncomingRequest) => Promise<void>;
  readonly cancel: (id: IdKey, reason: string) => void;
  readonly setLogLevel: (level: LogLevel) => void;
  /** @returns the refusal of the server or the proxy, as an error object's JSON text; undefined: it went well. */
  readonly subscribe: (uri: string) => Promise<string | undefined>;
  readonly unsubscribe: (uri: string) => Promise<void>;
  /** The client is ready: notifications may come. */
  readonly open: () => Promise<void>;
  readonly close: () => void;
}
