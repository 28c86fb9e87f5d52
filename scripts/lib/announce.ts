/**
 * Waits until the process of the given id serves HTTP, then prints where, and a curl line that the demo server answers.
 * Usage: `SHOWN_SECRET=... bun announce.ts PID`.
 *
 * The port is read from the process's own listening sockets, so that it is right whichever of flag, environment and
 * file chose it, and with port 0. Where those cannot be read, PORT or 8000 is asked instead.
 */
import { listeningAddresses } from "./listening.ts";

const WAIT_MS = 120_000;
const POLL_MS = 100;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isHealthy(origin: string): Promise<boolean> {
  try {
    const answer = await fetch(`${origin}/health`, { signal: AbortSignal.timeout(2000) });
    const body: unknown = await answer.json();
    return answer.ok && typeof body === "object" && body !== null && "status" in body;
  } catch {
    return false; // not up yet, or another socket of the same process
  }
}

async function findOrigin(pid: number): Promise<string | undefined> {
  const fallback = `127.0.0.1:${process.env["PORT"] ?? "8000"}`;
  const deadline = performance.now() + WAIT_MS;
  while (performance.now() < deadline && isAlive(pid)) {
    for (const address of (await listeningAddresses(pid)) ?? [fallback]) {
      if ((await isHealthy(`http://${address}`)) && isAlive(pid)) return `http://${address}`;
    }
    await Bun.sleep(POLL_MS);
  }
  return undefined;
}

const pid = Number(process.argv[2]);
const origin = await findOrigin(pid);
if (origin !== undefined) {
  const secret = process.env["SHOWN_SECRET"] ?? "$MAXIM_SECRET";
  const params = { name: "add", arguments: { a: 2, b: 3 } };
  const message = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params });
  console.log(
    [
      `\nDemo server: ${origin}/demo/mcp\nTo see it answer, type in another terminal:`,
      `  curl -H "Authorization: Bearer ${secret}" -H "Content-Type: application/json" ${origin}/demo/mcp \\`,
      `    -d '${message}'\n`,
    ].join("\n"),
  );
}
