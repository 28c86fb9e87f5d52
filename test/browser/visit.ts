import type { Browser, Page } from "playwright-core";

/** A page in a context of its own, and what it did that a page of ours must not do. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** Console errors, uncaught exceptions, violations of the page's policy, failed requests and requests to another origin. */
  readonly faults: readonly string[];
}

/** Opens a page in a new context (no cookies, no storage, no cache of others). */
export async function visit(browser: Browser, url: string): Promise<Visit> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults: string[] = [];
  const { origin } = new URL(url);
  // A violation of the policy is a console error in Chromium.
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.message}`));
  page.on("requestfailed", (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  context.on("request", (request) => {
    const requested = new URL(request.url());
    if (requested.protocol !== "data:" && requested.origin !== origin) faults.push(`other origin: ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}
