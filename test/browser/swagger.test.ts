import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Locator, Page } from "playwright-core";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { describeInBrowser, launchChromium } from "./chromium.ts";
import { visit } from "./visit.ts";

setDefaultTimeout(TEST_MS);

describeInBrowser("Swagger UI in Chromium", () => {
  let browser: Browser;
  let proxy: TestProxy;

  beforeAll(async () => {
    [browser, proxy] = await Promise.all([launchChromium(), startProxy()]);
  });

  afterAll(async () => {
    await browser.close();
    await proxy.stop();
  });

  test("renders every route, without an error, a violation of its policy or a request to another origin", async () => {
    await using visited = await visit(browser, `${proxy.url}/swagger`);
    const { page, faults } = visited;
    await page.locator(".opblock").first().waitFor();
    const paths = await page.locator(".opblock-summary-path").allInnerTexts();
    // Swagger UI puts zero-width spaces after slashes, to break lines there.
    expect(paths.map((path) => path.replaceAll("\u200b", "")).sort()).toEqual([
      "/health",
      "/servers",
      "/{server}/mcp",
      "/{server}/mcp",
      "/{server}/mcp",
      "/{server}/message",
      "/{server}/sse",
    ]);
    for (const operation of await page.locator(".opblock").all()) await operation.locator(".opblock-summary").click();
    await page.locator(".opblock.is-open").nth(6).waitFor();
    expect(faults).toEqual([]);
  });

  test("after Authorize, Try it out on /servers answers 200 with the allowlist", async () => {
    await using visited = await visit(browser, `${proxy.url}/swagger`);
    const { page, faults } = visited;
    await authorize(page, proxy.secret);
    const answer = await tryServers(page);
    expect(await status(answer)).toBe("200");
    expect(await answer.locator(".response-col_description .highlight-code").first().textContent()).toContain('"demo"');
    expect(faults).toEqual([]);
  });

  test("without Authorize, Try it out on /servers shows the 401 and its code", async () => {
    await using visited = await visit(browser, `${proxy.url}/swagger`);
    const answer = await tryServers(visited.page);
    expect(await status(answer)).toBe("401");
    expect(await answer.locator(".response-col_description").first().textContent()).toContain("unauthorized");
  });

  test("the secret is gone when the page is loaded again", async () => {
    await using visited = await visit(browser, `${proxy.url}/swagger`);
    const { page } = visited;
    await authorize(page, proxy.secret);
    expect(await page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")).toBe('[{},{},""]');
    await page.reload();
    expect(await status(await tryServers(page))).toBe("401");
  });

  test("works under a base path", async () => {
    await using based = await startProxy({ env: { BASE_PATH: "/tools" } });
    await using visited = await visit(browser, `${based.url}/swagger`);
    const { page, faults } = visited;
    expect(new URL(page.url()).pathname).toBe("/tools/swagger");
    await authorize(page, based.secret);
    const answer = await tryServers(page);
    expect(await status(answer)).toBe("200");
    expect(await page.locator(".opblock").count()).toBe(7);
    expect(faults).toEqual([]);
  });
});

async function authorize(page: Page, secret: string): Promise<void> {
  await page.locator(".scheme-container .btn.authorize").click();
  await page.locator(".auth-container input").fill(secret);
  await page.locator(".auth-btn-wrapper .btn.authorize").click();
  await page.locator(".auth-btn-wrapper .btn-done").click();
}

/** Presses "Try it out" and "Execute" on `GET /servers`; gives the row of the answer. */
async function tryServers(page: Page): Promise<Locator> {
  const operation = page.locator("#operations-Operations-servers");
  await operation.locator(".opblock-summary").click();
  await operation.locator(".try-out__btn").click();
  await operation.locator(".execute").click();
  const answer = operation.locator(".live-responses-table tr.response");
  await answer.waitFor();
  return answer;
}

async function status(answer: Locator): Promise<string | undefined> {
  return (await answer.locator(".response-col_status").textContent())?.match(/\d{3}/)?.[0];
}
