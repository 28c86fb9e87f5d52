import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { fixture } from "../support/server-entry.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";

setDefaultTimeout(TEST_MS);

/** What a page sees of a session. */
interface Seen {
  readonly status: number;
  readonly type: string | null;
  readonly accepted: number;
  readonly stream: string;
}

describeInBrowser("a page of another origin in Chromium", () => {
  let browser: Browser;
  let proxy: TestProxy;
  let allowed: ReturnType<typeof pageServer>;
  let other: ReturnType<typeof pageServer>;

  beforeAll(async () => {
    [allowed, other] = [pageServer(), pageServer()];
    const config = { mcpServers: { echo: fixture("echo", [], { clientEnv: ["BROWSER_KEY"] }) } };
    [browser, proxy] = await Promise.all([
      launchChromium(),
      startProxy({ config, env: { ALLOWED_ORIGINS: allowed.url.origin } }),
    ]);
  });

  afterAll(async () => {
    await Promise.all([browser.close(), allowed.stop(true), other.stop(true)]);
    await proxy.stop();
  });

  test("on the list opens a session by fetch, with a token and ENV_ headers, and gets its answers", async () => {
    const key = proxy.canary();
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(allowed.url.href);
    const seen = await page.evaluate(openSession, { url: `${proxy.url}/echo/sse`, secret: proxy.secret, key });
    expect(seen).toMatchObject({ status: 200, accepted: 202 });
    expect(seen.type).toStartWith("text/event-stream");
    expect(seen.stream).toMatch(/^event: ?endpoint\r?\ndata: ?\/echo\/message\?sessionId=\S+\r?\n/);
    expect(seen.stream).toContain(key);
  });

  test("not on the list is refused: it sees nothing, and nothing is started", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(other.url.href);
    const target = { url: `${proxy.url}/echo/sse`, secret: proxy.secret, key: "x" };
    await expect(page.evaluate(openSession, target)).rejects.toThrow("Failed to fetch");
    expect(proxy.children()).toEqual([]);
  });

  test("not on the list cannot post either, not even what needs no preflight", async () => {
    // One of its own: of refusals that are alike, the log has the first and then a sum.
    await using proxy = await startProxy({ config: { mcpServers: { echo: fixture("echo") } } });
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(other.url.href);
    // The page itself learns nothing of the answer, so the proxy's log is asked.
    const refused = proxy.log.until("the refusal", (line) => line["method"] === "POST" && line["status"] === 403);
    await page.evaluate(
      (url) =>
        fetch(url, { method: "POST", mode: "no-cors", body: "{}" })
          .catch(() => undefined)
          .then(() => undefined),
      `${proxy.url}/echo/message?sessionId=x`,
    );
    expect(await refused).toMatchObject({ code: "origin_refused" });
  });
});

/** Serves a blank page, which is all that an origin needs. */
function pageServer() {
  const headers = { "content-type": "text/html" };
  return Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<!doctype html>", { headers }) });
}

/** Runs in the page, so it uses nothing from outside: opens a session, asks for the variable, and leaves when the answer came. */
async function openSession(target: { url: string; secret: string; key: string }): Promise<Seen> {
  const leave = new AbortController();
  const authorization = `Bearer ${target.secret}`;
  const response = await fetch(target.url, {
    headers: { authorization, accept: "text/event-stream", ENV_BROWSER_KEY: target.key },
    signal: leave.signal,
  });
  const type = response.headers.get("content-type");
  if (response.body === null) throw new Error("there is no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let stream = "";
  const readUntil = async (text: string) => {
    while (!stream.includes(text)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended: ${stream}`);
      stream += value;
    }
  };
  await readUntil("\n\n");
  const endpoint = new URL(/data: ?(\S+)/.exec(stream)?.[1] ?? "", target.url);
  const post = (body: object) =>
    fetch(endpoint, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", ...body }),
    });
  await post({
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "page", version: "1" } },
  });
  const call = { name: "env", arguments: { name: "BROWSER_KEY" } };
  const { status: accepted } = await post({ id: 2, method: "tools/call", params: call });
  await readUntil('"id":2');
  leave.abort();
  return { status: response.status, type, accepted, stream };
}
