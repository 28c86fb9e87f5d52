import { type Connection, connect } from "./connection.ts";
import { answerId, EventScanner } from "./event-scanner.ts";
import { requestBytes } from "./http-request.ts";
import { ResponseScanner } from "./http-response.ts";
import { laneOf } from "./message-ids.ts";
import type { Protocol, Session, Target } from "./protocol.ts";
import { SseLane } from "./sse-lane.ts";

const ENDPOINT = /^event: ?endpoint\ndata: ?(.+)$/;

/** HTTP+SSE (MCP 2024-11-05, "HTTP with SSE"): answers come on the stream, messages go by POST to the announced endpoint. */
export const sseProtocol: Protocol = { open };

async function open(target: Target): Promise<Session> {
  const endpoint = Promise.withResolvers<string>();
  const broken = Promise.withResolvers<never>();
  // A session can break while nobody waits, for instance between two rounds; whoever waits next learns of it.
  broken.promise.catch(() => undefined);
  const lanes = new Map<number, SseLane>();
  let open = true;
  const fail = (cause: string): void => {
    if (!open) return;
    endpoint.reject(new Error(cause));
    broken.reject(new Error(cause));
  };
  const events = new EventScanner((bytes, start, end, length) => {
    const id = answerId(bytes, start, end);
    if (id !== -1) return lanes.get(laneOf(id))?.answered(id, bytes, start, end, length);
    const path = ENDPOINT.exec(bytes.toString("latin1", start, end))?.[1];
    if (path !== undefined) endpoint.resolve(path);
  });
  const response = new ResponseScanner({
    head: (status) => {
      if (status !== 200) fail(`GET ${target.path} was answered with status ${status}`);
    },
    body: (piece) => events.push(piece),
    end: () => fail("the gateway ended the stream"),
  });
  const stream: Connection = await connect(target.host, target.port, {
    read: (bytes) => response.push(bytes),
    closed: fail,
  });
  stream.write(requestBytes(target, "GET", target.path, { Accept: "text/event-stream" }, ""));
  const url = new URL(await endpoint.promise, `http://${target.host}:${target.port}${target.path}`);
  const path = url.pathname + url.search;
  return {
    broken: broken.promise,
    lane: async (number) => {
      const lane = new SseLane({ target, path, fail }, number);
      lanes.set(number, lane);
      await lane.renew();
      return lane;
    },
    close: () => {
      open = false;
      for (const lane of lanes.values()) lane.close();
      stream.close();
    },
  };
}
