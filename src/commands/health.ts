import type { Settings } from "../config/configuration.ts";

/** An instance that does not answer in this time is not healthy. */
const PATIENCE_MS = 3_000;

/** Asks the instance that runs with these settings on this host; gives the exit status: 0 for a healthy one. */
export async function checkHealth({ host, port, basePath }: Settings["listen"]): Promise<number> {
  // An address that means "all of them" is no address to connect to.
  const target = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  const url = `http://${target}:${port}${basePath}/health`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS), proxy: "" });
    console.log(`${url}: ${response.status} ${await response.text()}`);
    return response.ok ? 0 : 1;
  } catch (error) {
    console.error(`${url}: ${error instanceof Error ? error.name : "no answer"}: is the proxy running there?`);
    return 1;
  }
}
