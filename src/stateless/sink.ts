import type { ProxyError } from "../base/errors.ts";

/** Where the answer to one stateless request goes. */
export interface StatelessSink {
  /** A child has the request now. */
  readonly begin: () => void;
  /** Sends a notification before the answer. The promise is pending while the client is slow. */
  readonly notify: (line: Buffer) => Promise<void> | undefined;
  /** Whether more waits for the client than it may be behind. */
  readonly isSlow: () => boolean;
  /** Sends the answer, which is the last that is sent. */
  readonly answer: (line: Buffer) => void;
  /** There is no answer of the server's. */
  readonly fail: (error: ProxyError) => void;
  /** Ends the stream without a word: the client had better ask again. For the request it is as if the client had left. */
  readonly cut: () => void;
}
