import type { Envelope } from "../wire/envelope.ts";
import type { StatelessSink } from "./sink.ts";

/** One HTTP request of a stateless client, and where its answer goes. */
export interface Round {
  readonly line: Buffer;
  readonly rawId: string;
  readonly method: string;
  readonly envelope: Envelope;
  readonly sink: StatelessSink;
  /** Gives a header of the HTTP request. */
  readonly header: (name: string) => string | null;
  /** The client's address, also when the request is over; asking for it costs. */
  readonly client: () => string;
}
