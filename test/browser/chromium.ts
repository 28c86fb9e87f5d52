import { describe } from "bun:test";
import { type Browser, chromium } from "playwright-core";

const EXECUTABLE = Bun.which("chromium");
const REQUIRED = process.env["REQUIRE_BROWSER"] === "1";

if (EXECUTABLE === null && !REQUIRED) {
  console.warn(
    "NOTICE: the browser tests are skipped: there is no chromium here. REQUIRE_BROWSER=1 makes that a failure.",
  );
}

/** `describe` for tests in a browser: skipped without one, unless REQUIRE_BROWSER=1 demands it. */
export const describeInBrowser = describe.skipIf(EXECUTABLE === null && !REQUIRED);

/** Starts headless Chromium with a profile of its own and nothing that talks to the network on its own account. */
export function launchChromium(): Promise<Browser> {
  if (EXECUTABLE === null) throw new Error("REQUIRE_BROWSER=1, but there is no chromium on the PATH");
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
