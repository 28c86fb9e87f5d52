import type { FileSink, Subprocess } from "bun";
import { answerId } from "../driver/event-scanner.ts";

const LINE_FEED = 0x0a;
const JSON_TYPE = { "Content-Type": "application/json" };

/** One session: its child's stdin, and who waits for which of its answers. */
interface Bridged {
  readonly id: string;
  readonly child: Subprocess<"pipe", "pipe", "ignore">;
  readonly stdin: FileSink;
  readonly waiting: Map<number, (line: Uint8Array<ArrayBuffer>) => void>;
}

/** Streamable HTTP: a child for each session, each answer as the body of the POST that asked for it. */
export function streamableRoutes(command: string[]) {
  const sessions = new Map<string, Bridged>();

  const open = (): Bridged => {
    const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    const session = { id: crypto.randomUUID(), child, stdin: child.stdin, waiting: new Map() };
    sessions.set(session.id, session);
    void pump(session);
    return session;
  };

  const post = async (request: Request): Promise<Response> => {
    const sent = request.headers.get("mcp-session-id");
    const session = sent === null ? open() : sessions.get(sent);
    if (session === undefined) return new Response("no such session", { status: 404 });
    const message = Buffer.from(await request.arrayBuffer());
    const id = answerId(message, 0, message.length);
    const answer = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    if (id !== -1) session.waiting.set(id, answer.resolve);
    session.stdin.write(message);
    session.stdin.write("\n");
    await session.stdin.flush();
    if (id === -1) return new Response(null, { status: 202 });
    const body = await answer.promise;
    return new Response(body, { headers: sent === null ? { ...JSON_TYPE, "Mcp-Session-Id": session.id } : JSON_TYPE });
  };

  const end = (request: Request): Response => {
    const session = sessions.get(request.headers.get("mcp-session-id") ?? "");
    if (session === undefined) return new Response("no such session", { status: 404 });
    sessions.delete(session.id);
    session.child.kill();
    return new Response(null, { status: 204 });
  };

  return { "/x/mcp": { POST: post, DELETE: end } };
}

/** Gives each line of the child to the request that waits for it. */
async function pump({ child, waiting }: Bridged): Promise<void> {
  let cut: Buffer[] = [];
  for await (const chunk of child.stdout) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, at)) {
      const piece = bytes.subarray(at, end);
      const line = cut.length === 0 ? piece : Buffer.concat([...cut, piece]);
      cut = [];
      const id = answerId(line, 0, line.length);
      waiting.get(id)?.(line);
      waiting.delete(id);
      at = end + 1;
    }
    if (at < bytes.length) cut.push(bytes.subarray(at));
  }
}
