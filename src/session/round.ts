import type { Envelope } from "../wire/envelope.ts";
import type { StatelessSink } from "./stateless-sink.ts";

/** Requests during which a server may want something of its client (2026-07-28, basic/patterns/mrtr). */
export const ASKING_METHODS: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** One HTTP request of a stateless client, and where its answer goes. */
export interface Round {
  readonly line: Buffer;
  readonly rawId: string;
  readonly method: string;
  readonly envelope: Envelope;
  readonly sink: StatelessSink;
  /** Gives a header of the HTTP request. */
  readonly header: (name: string) => string | null;
}
