import {
  BASE_PATH,
  COUNT,
  DURATION,
  FILE,
  HOST,
  HOSTS,
  ORIGINS,
  PROXIES,
  SECRET,
  SIZE,
  type Written,
  whole,
  word,
} from "./kind.ts";
import { SERVER_LIMITS, SERVER_TIMEOUTS } from "./server-settings.ts";
import { type AnySetting, named, offWith, setting } from "./setting.ts";
import { settingsOf } from "./tree.ts";
import { MB, SECOND } from "./units.ts";

/** How many at once; where 0 would let nothing through. */
const BURST = whole(1, 1_000_000, "; a rate of 0 switches the limit off");

/** The settings that are needed before or beside the file: they have no place in it. */
export const SECRET_SETTING = setting(
  { environment: "MAXIM_SECRET" },
  SECRET,
  undefined,
  "The bearer token that every caller must show. Required: at least 32 printable ASCII characters without spaces (`openssl rand -base64 32`). The environment is its only place: process lists show options, and files get committed.",
);

export const FILE_SETTING = setting(
  { flag: "--config", environment: "MCP_PROXY_CONFIG" },
  FILE,
  undefined,
  "The configuration file (.json, .jsonc, .yaml, .yml, .toml). Default: `mcp-sse-proxy.{json,jsonc,yaml,toml}` in the working directory, if there is one.",
);

/** Whoever switched the rate limit off by it, before there were others, meant all of it. */
const REQUESTS_PER_MINUTE = setting(
  { key: "rateLimit.requestsPerMinute", flag: "--rate-limit-per-minute", environment: "RATE_LIMIT_PER_MINUTE" },
  COUNT,
  100,
  "Requests a minute, on average, of each address that shows no valid token, or a wrong one; more get 429. 0: off, and so are the two rates below that are not set themselves.",
);

/**
 * Every other scalar setting, in groups as the parts of the proxy are given them: the one place where a setting is written.
 * The file's schema, the reading of flags, environment and file, the type of the settings, the help text, the `check` report
 * and the documentation's table are made from it.
 */
export const SETTINGS = {
  listen: {
    host: setting(
      { key: "listen.host", flag: "--host", environment: "HOST" },
      HOST,
      "127.0.0.1",
      "Address to listen on. `0.0.0.0` or `::` takes callers from everywhere: set `allowedHosts` with it.",
    ),
    port: setting(
      { key: "listen.port", flag: "--port", environment: "PORT" },
      whole(0, 65535),
      8000,
      "TCP port to listen on. 0: any free one, printed at start.",
    ),
    basePath: setting(
      { key: "listen.basePath", flag: "--base-path", environment: "BASE_PATH" },
      BASE_PATH,
      "",
      'The path under which a reverse proxy in front serves this one; it stands before every URL that is sent to clients. Default: none (`""`).',
    ),
  },
  rateLimit: {
    requestsPerMinute: REQUESTS_PER_MINUTE,
    burst: setting(
      { key: "rateLimit.burst", flag: "--rate-limit-burst", environment: "RATE_LIMIT_BURST" },
      BURST,
      10,
      "Such requests that an address may make at once before the rate counts.",
    ),
    messagesPerMinute: offWith(
      REQUESTS_PER_MINUTE,
      named(
        "rateLimit.messagesPerMinute",
        COUNT,
        6_000,
        "Requests a minute, on average, of a caller with a valid token, for each address; more get 429. Answers and notifications to an open session and DELETE are never refused for it. 0: off.",
      ),
    ),
    messagesBurst: named(
      "rateLimit.messagesBurst",
      BURST,
      600,
      "Such requests that may be made at once before the rate counts.",
    ),
    startsPerMinute: offWith(
      REQUESTS_PER_MINUTE,
      named(
        "rateLimit.startsPerMinute",
        COUNT,
        100,
        "Sessions that a caller with a valid token may open a minute, on average, for each address, and stateless requests that need a new process; more get 429. 0: off.",
      ),
    ),
    startsBurst: named(
      "rateLimit.startsBurst",
      BURST,
      30,
      "Such starts that may be made at once before the rate counts.",
    ),
  },
  corsOrigins: setting(
    { key: "cors.origins", flag: "--allowed-origins", environment: "ALLOWED_ORIGINS" },
    ORIGINS,
    [],
    "Origins of web pages that may call the proxy from a browser, such as `https://app.example.com`. Any other Origin than the proxy's own gets 403. Default: none.",
  ),
  trustedProxies: setting(
    { key: "trustedProxies", flag: "--trusted-proxies", environment: "TRUSTED_PROXIES" },
    PROXIES,
    [],
    "Hops whose forwarded headers tell the client's address: IPs, CIDR blocks, `loopback`, `private`, or `fly` (believe `Fly-Client-IP`). Whoever is in the list can claim any address. Default: none.",
  ),
  allowedHosts: setting(
    { key: "allowedHosts", flag: "--allowed-hosts", environment: "ALLOWED_HOSTS" },
    HOSTS,
    [],
    "Names that a Host header may carry, against DNS rebinding; `*` is any. Default: loopback names on a loopback address, any elsewhere.",
  ),
  limits: {
    sessions: named(
      "limits.sessions",
      COUNT,
      1000,
      "Sessions open at once in all; more get 503. Memory for the children is what a host runs out of. 0: no limit.",
    ),
    requestBytes: named(
      "limits.requestBytes",
      SIZE,
      4 * MB,
      "Longest request body; a longer one gets 413. 0: no limit, so one caller can fill the memory.",
    ),
    concurrentStarts: named(
      "limits.concurrentStarts",
      COUNT,
      4,
      "Children that may be starting at once; the others wait their turn. 0: no limit.",
    ),
    pooledChildren: named(
      "limits.pooledChildren",
      COUNT,
      100,
      "Shared children in all, for stateless requests and shared sessions; three quarters of them of one caller with the same client variables. The one idle for longest makes room; when none is idle, more get 503. 0: no limit.",
    ),
    parkedCalls: named(
      "limits.parkedCalls",
      COUNT,
      50,
      "Calls in all that wait for input of stateless clients, half of them of one caller with the same client variables, each with a pooled child of its own: fewer than `limits.pooledChildren`, or such calls can keep everybody else from starting one. More get 503. 0: no limit.",
    ),
  },
  /** What a server has that says nothing else of its own. */
  serverDefaults: { limits: SERVER_LIMITS, timeouts: SERVER_TIMEOUTS },
  containment: named(
    "containment",
    word("auto", "bubblewrap", "none"),
    "auto",
    "How children are kept from each other and from the proxy. `bubblewrap`: each gets a PID namespace of its own, which nothing escapes, and the proxy refuses to start where that does not work. `auto`: the same where it works. `none`: process groups alone, so that children of one user can read each other's environment.",
  ),
  timeouts: {
    shutdownMs: named(
      "timeouts.shutdown",
      DURATION,
      25 * SECOND,
      "From SIGTERM to the end of the process: the host's own limit must be longer. 0: requests in flight are waited for without end.",
    ),
  },
  log: {
    level: setting(
      { key: "log.level", flag: "--log-level", environment: "LOG_LEVEL" },
      word("DEBUG", "INFO", "WARN", "ERROR"),
      "INFO",
      "DEBUG, INFO, WARN or ERROR. DEBUG adds what the children write to stderr.",
    ),
    format: setting(
      { key: "log.format", flag: "--log-format", environment: "LOG_FORMAT" },
      word("auto", "pretty", "json"),
      "auto",
      "pretty, json or auto: pretty on a terminal, JSON otherwise.",
    ),
  },
};

/** All of them as a list, in the order of the table. */
export const ALL_SETTINGS: readonly AnySetting[] = [SECRET_SETTING, FILE_SETTING, ...settingsOf(SETTINGS)];

/** A value of a setting as text, the way a flag or an environment variable would hold it. */
export function writtenText(written: Written): string {
  return typeof written === "object" ? written.join(",") : String(written);
}

/** The table of docs/configuration.md: a test holds the two together. */
export function settingsMarkdown(): string {
  const rows = ALL_SETTINGS.map((one) => {
    const file = one.key === undefined ? "" : `\`${one.key}\``;
    const flag = one.flag === undefined ? "" : `\`${one.flag}\``;
    const fallback = one === SECRET_SETTING ? "required" : writtenText(one.defaultWritten);
    const shown = fallback === "" || fallback === "required" ? fallback : `\`${fallback}\``;
    return `| ${file} | \`${one.environment}\` | ${flag} | ${shown} | ${one.description} |`;
  });
  return ["| file | environment | option | default | what it does |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}
