import { type Browser, chromium } from "playwright-core";
import { describeWhen } from "../support/when.ts";

const EXECUTABLE = Bun.which("chromium");
const REQUIRED = process.env["REQUIRE_BROWSER"] === "1";

/** `describe` for tests in a browser: skipped without one, unless REQUIRE_BROWSER=1 demands it. */
export const describeInBrowser = describeWhen(EXECUTABLE !== null || REQUIRED, "there is no chromium here");

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
