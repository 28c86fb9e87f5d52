import { setTimeout as delay } from "node:timers/promises";
import type { CallToolResult, McpServer, ServerContext } from "@modelcontextprotocol/server";
import { z } from "zod";
import { CLIENT_VARIABLES_VARIABLE } from "../../process/environment.ts";
import type { CountCall } from "./content.ts";

const MAX_DURATION_MS = 120_000;
const MAX_STEPS = 1000;

const slowInput = z.object({
  durationMs: z.int().min(0).max(MAX_DURATION_MS).default(1000).describe("How long the call takes, in milliseconds"),
  steps: z.int().min(1).max(MAX_STEPS).default(5).describe("Into how many steps the time is divided"),
});

/** Registers the demo's tools, whose calls are counted by `count`. */
export function registerTools(server: McpServer, count: CountCall): void {
  const answer = (result: CallToolResult) => count(async () => result);

  server.registerTool(
    "echo",
    {
      title: "Echo",
      description: "Answers with the message that it was given",
      inputSchema: z.object({ message: z.string().describe("What to answer with") }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ message }) => answer({ content: [{ type: "text", text: message }] }),
  );

  server.registerTool(
    "add",
    {
      title: "Add",
      description: "Adds two numbers",
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      outputSchema: z.object({ sum: z.number() }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ a, b }) => answer({ content: [{ type: "text", text: String(a + b) }], structuredContent: { sum: a + b } }),
  );

  server.registerTool(
    "slow",
    {
      title: "Slow",
      description: "Takes its time: reports progress and a log message after each step, and stops when it is cancelled",
      inputSchema: slowInput,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    (input, context) => count(() => takeTime(input, context)),
  );

  server.registerTool(
    "env",
    {
      title: "Client variables",
      description: "Names the environment variables that the client set for this server; never their values",
      inputSchema: z.object({}),
      outputSchema: z.object({ names: z.array(z.string()) }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => {
      const names = (process.env[CLIENT_VARIABLES_VARIABLE] ?? "").split(",").filter((name) => name !== "");
      const text = names.length === 0 ? "The client set no variables." : names.join("\n");
      return answer({ content: [{ type: "text", text }], structuredContent: { names } });
    },
  );
}

/** Rejects with an AbortError when the call is cancelled or the connection ends; the SDK then answers nothing. */
async function takeTime(
  { durationMs, steps }: z.infer<typeof slowInput>,
  context: ServerContext,
): Promise<CallToolResult> {
  const { signal, _meta, notify, log } = context.mcpReq;
  const progressToken = _meta?.progressToken;
  const startedAt = performance.now();
  for (let step = 1; step <= steps; step++) {
    // Each step ends at its own time after the start, so that late timers don't add up.
    await delay(Math.max(0, startedAt + (durationMs * step) / steps - performance.now()), undefined, { signal });
    const message = `Step ${step} of ${steps}`;
    if (progressToken !== undefined) {
      const params = { progressToken, progress: step, total: steps, message };
      await notify({ method: "notifications/progress", params });
    }
    await log("info", message, "slow");
  }
  return { content: [{ type: "text", text: `Took ${durationMs} ms in ${steps} steps.` }] };
}
