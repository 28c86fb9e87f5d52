import { get } from "node:http";
import type { Settings } from "../config/configuration.ts";

/** An instance that does not answer in this time is not healthy. */
const PATIENCE_MS = 3_000;

/** Asks the instance that runs with these settings on this host; gives the exit status: 0 for a healthy one. */
export async function checkHealth({ host, port, basePath }: Settings["listen"]): Promise<number> {
  // An address that means "all of them" is no address to connect to.
  const target = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  const url = `http://${target}:${port}${basePath}/health`;
  try {
    const { status, text } = await ask(url);
    console.log(`${url}: ${status} ${text}`);
    return status === 200 ? 0 : 1;
  } catch (error) {
    console.error(`${url}: ${error instanceof Error ? error.name : "no answer"}: is the proxy running there?`);
    return 1;
  }
}

/** By node:http, since fetch sends even this through an HTTP_PROXY of the environment, whatever `proxy` says (Bun 1.4.5). */
function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { signal: AbortSignal.timeout(PATIENCE_MS) }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    }).on("error", reject);
  });
}
