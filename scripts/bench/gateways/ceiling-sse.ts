import type { FileSink, Subprocess } from "bun";

const BEFORE = Buffer.from("event: message\ndata: ");
const AFTER = Buffer.from("\n\n");
const LINE_FEED = 0x0a;

type Child = Subprocess<"pipe", "pipe", "ignore">;

/** HTTP+SSE: a child for each stream, its lines as events. */
export function sseRoutes(command: string[]) {
  const sessions = new Map<string, FileSink>();
  return {
    "/x/sse": (request: Request): Response => {
      const id = crypto.randomUUID();
      const child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
      sessions.set(id, child.stdin);
      request.signal.addEventListener("abort", () => {
        sessions.delete(id);
        child.kill();
      });
      const body = new ReadableStream({
        type: "direct",
        async pull(stream) {
          stream.write(`event: endpoint\ndata: /x/message?sessionId=${id}\n\n`);
          await stream.flush();
          await pump(child, stream);
        },
      });
      return new Response(body, { headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" } });
    },
    "/x/message": async (request: Request): Promise<Response> => {
      const stdin = sessions.get(request.url.slice(request.url.lastIndexOf("=") + 1));
      if (stdin === undefined) return new Response("no such session", { status: 404 });
      stdin.write(await request.bytes());
      stdin.write("\n");
      await stdin.flush();
      return new Response("Accepted", { status: 202 });
    },
  };
}

/** Sends the child's lines as events as they come: a cut line goes out in pieces, nothing is put together first. */
async function pump(child: Child, stream: ReadableStreamDirectController): Promise<void> {
  let inLine = false;
  for await (const chunk of child.stdout) {
    let at = 0;
    while (at < chunk.length) {
      if (!inLine) stream.write(BEFORE);
      const end = chunk.indexOf(LINE_FEED, at);
      inLine = end === -1;
      stream.write(chunk.subarray(at, inLine ? chunk.length : end));
      if (!inLine) stream.write(AFTER);
      at = inLine ? chunk.length : end + 1;
    }
    await stream.flush();
  }
}
