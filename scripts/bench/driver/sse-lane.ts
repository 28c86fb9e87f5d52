import { type Connection, connect } from "./connection.ts";
import { missingFrom } from "./expectation.ts";
import { requestBytes } from "./http-request.ts";
import { ResponseScanner } from "./http-response.ts";
import { ID_PLACEHOLDER, messageId, writeId } from "./message-ids.ts";
import type { Lane, Message, Target } from "./protocol.ts";

/** Where the lanes of one session post to. */
export interface SseRoute {
  readonly target: Target;
  /** The announced endpoint. */
  readonly path: string;
  /** Called when a POST is refused, or its connection closes before it is answered. */
  fail(cause: string): void;
}

/** A keep-alive connection that posts one message at a time; its answers arrive on the session's stream. */
export class SseLane implements Lane {
  onDone: () => void = () => undefined;
  answeredNs = 0;
  answerBytes = 0;
  readonly #route: SseRoute;
  readonly #number: number;
  #connection: Connection | undefined;
  #sequence = 0;
  /** The id that an answer is awaited for. */
  #awaited = -1;
  #posting = false;
  /** The request of the message that was sent last: mostly the next one is the same but for its id. */
  #message: Message | undefined;
  #request: Buffer = Buffer.alloc(0);
  #idAt = -1;

  constructor(route: SseRoute, number: number) {
    this.#route = route;
    this.#number = number;
  }

  async renew(): Promise<void> {
    this.close();
    const { target, path, fail } = this.#route;
    const response = new ResponseScanner({
      head: (status) => {
        if (status < 200 || status > 299) fail(`POST ${path} was answered with status ${status}`);
      },
      body: () => undefined,
      end: () => {
        this.#posting = false;
        this.#settle();
      },
    });
    const connection: Connection = await connect(target.host, target.port, {
      read: (bytes) => response.push(bytes),
      closed: (cause) => {
        if (this.#posting && this.#connection === connection) fail(cause);
      },
    });
    this.#connection = connection;
  }

  exchange(message: Message): void {
    this.#prepare(message);
    const id = messageId(this.#number, this.#sequence++);
    writeId(this.#request, this.#idAt, id);
    this.#awaited = id;
    this.#send();
  }

  notify(message: Message): void {
    this.#prepare(message);
    this.#send();
  }

  /** Takes an answer that arrived on the stream under an id of this lane. */
  answered(id: number, bytes: Buffer, start: number, end: number, length: number): void {
    if (id !== this.#awaited) return;
    this.answeredNs = Bun.nanoseconds();
    const missing = missingFrom(this.#message, bytes, start, end);
    if (missing !== undefined) this.#route.fail(missing);
    this.answerBytes = length;
    this.#awaited = -1;
    this.#settle();
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #send(): void {
    if (this.#connection === undefined) throw new Error("the lane is not connected");
    this.#posting = true;
    this.#connection.write(this.#request);
  }

  #settle(): void {
    if (!this.#posting && this.#awaited === -1) this.onDone();
  }

  #prepare(message: Message): void {
    if (this.#message === message) return;
    const { target, path } = this.#route;
    this.#message = message;
    this.#request = requestBytes(target, "POST", path, { "Content-Type": "application/json" }, message.body);
    this.#idAt = this.#request.lastIndexOf(ID_PLACEHOLDER);
  }
}
