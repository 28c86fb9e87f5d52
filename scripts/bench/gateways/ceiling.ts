import { sseRoutes } from "./ceiling-sse.ts";
import { streamableRoutes } from "./ceiling-streamable.ts";

/**
 * The ceiling: the least that Bun can do to bridge stdio and each binding. No authentication, no limits, no checks, no
 * clean end: whatever a real gateway does beyond this is its own cost. `bun ceiling.ts PORT COMMAND…`; on loopback only.
 */
const [port, ...command] = process.argv.slice(2);

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  idleTimeout: 0,
  routes: { "/health": new Response("ok"), ...sseRoutes(command), ...streamableRoutes(command) },
});
process.on("SIGTERM", () => {
  void server.stop(true);
  process.exit(0);
});
