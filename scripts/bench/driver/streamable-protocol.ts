import { type Connection, connect } from "./connection.ts";
import { requestBytes } from "./http-request.ts";
import { REVISION } from "./messages.ts";
import type { Protocol, Session, Target } from "./protocol.ts";
import { StreamableLane, type StreamableRoute } from "./streamable-lane.ts";

/**
 * Streamable HTTP with sessions (MCP 2025-06-18, "Streamable HTTP"): each message is a POST, and the answer comes on it.
 * No standalone stream is opened: nothing here is sent on one.
 */
export const streamableProtocol: Protocol = { open };

async function open(target: Target): Promise<Session> {
  const broken = Promise.withResolvers<never>();
  // A session can break while nobody waits, for instance between two rounds; whoever waits next learns of it.
  broken.promise.catch(() => undefined);
  const lanes: StreamableLane[] = [];
  let open = true;
  const route: StreamableRoute = {
    target,
    sessionId: undefined,
    fail: (cause) => {
      if (open) broken.reject(new Error(cause));
    },
  };
  return {
    broken: broken.promise,
    lane: async (number) => {
      const lane = new StreamableLane(route, number);
      lanes.push(lane);
      await lane.renew();
      return lane;
    },
    close: () => {
      open = false;
      for (const lane of lanes) lane.close();
      // A gateway that is gone has ended its sessions, too.
      if (route.sessionId !== undefined) endSession(target, route.sessionId).catch(() => undefined);
    },
  };
}

/** Connections say nothing about the session: DELETE ends it. The answer is not waited for. */
async function endSession(target: Target, sessionId: string): Promise<void> {
  const connection: Connection = await connect(target.host, target.port, {
    read: () => connection.close(),
    closed: () => undefined,
  });
  const headers = { "Mcp-Session-Id": sessionId, "MCP-Protocol-Version": REVISION };
  connection.write(requestBytes(target, "DELETE", target.path, headers, ""));
}
