import { type Connection, connect } from "./connection.ts";
import { Edges } from "./edges.ts";
import { answerId, EventScanner } from "./event-scanner.ts";
import { missingFrom } from "./expectation.ts";
import { requestBytes } from "./http-request.ts";
import { ResponseScanner } from "./http-response.ts";
import { ID_PLACEHOLDER, messageId, writeId } from "./message-ids.ts";
import { REVISION } from "./messages.ts";
import type { Lane, Message, Target } from "./protocol.ts";

/** What the lanes of one session share. */
export interface StreamableRoute {
  readonly target: Target;
  /** Mcp-Session-Id; undefined until the answer to `initialize` brings it. */
  sessionId: string | undefined;
  /** Called when a message is refused, or its answer does not come. */
  fail(cause: string): void;
}

const SESSION_ID = /\r\nmcp-session-id: *([\x21-\x7e]+)/i;
const CLOSES = /\r\nconnection: *close/i;
const EVENT_STREAM = /\r\ncontent-type: *text\/event-stream/i;

/** A keep-alive connection that posts one message at a time, and gets the answer as a body of JSON or on an event stream. */
export class StreamableLane implements Lane {
  onDone: () => void = () => undefined;
  answeredNs = 0;
  answerBytes = 0;
  readonly #route: StreamableRoute;
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

  constructor(route: StreamableRoute, number: number) {
    this.#route = route;
    this.#number = number;
  }

  async renew(): Promise<void> {
    this.close();
    const { target, fail } = this.#route;
    const events = new EventScanner((bytes, start, end, length) => this.#answered(bytes, start, end, length));
    const json = new Edges();
    let isStream = false;
    let isLast = false;
    const response = new ResponseScanner({
      head: (status, head) => {
        if (status < 200 || status > 299) fail(`POST ${target.path} was answered with status ${status}`);
        isStream = EVENT_STREAM.test(head);
        isLast = CLOSES.test(head);
        this.#route.sessionId ??= SESSION_ID.exec(head)?.[1];
      },
      body: (piece) => {
        if (isStream) events.push(piece);
        else json.push(piece);
      },
      end: () => {
        if (!isStream) {
          const { length } = json;
          const edges = json.take();
          this.#answered(edges, 0, edges.length, length);
        }
        this.#posting = false;
        if (this.#awaited !== -1) fail(`POST ${target.path} was answered without the answer to its message`);
        // RFC 9112, section 9.6: nothing more may be sent on this connection.
        else if (isLast)
          this.renew().then(
            () => this.onDone(),
            (error: unknown) => fail(String(error)),
          );
        else this.onDone();
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

  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #answered(bytes: Buffer, start: number, end: number, length: number): void {
    const id = answerId(bytes, start, end);
    if (id === -1 || id !== this.#awaited) return;
    this.answeredNs = Bun.nanoseconds();
    const missing = missingFrom(this.#message, bytes, start, end);
    if (missing !== undefined) this.#route.fail(missing);
    this.answerBytes = length;
    this.#awaited = -1;
  }

  #send(): void {
    if (this.#connection === undefined) throw new Error("the lane is not connected");
    this.#posting = true;
    this.#connection.write(this.#request);
  }

  #prepare(message: Message): void {
    if (this.#message === message) return;
    const { target, sessionId } = this.#route;
    const session = sessionId === undefined ? {} : { "Mcp-Session-Id": sessionId, "MCP-Protocol-Version": REVISION };
    const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
    this.#message = message;
    this.#request = requestBytes(
      target,
      "POST",
      target.path,
      { ...headers, ...session, ...message.headers },
      message.body,
    );
    this.#idAt = this.#request.lastIndexOf(ID_PLACEHOLDER);
  }
}
