import { MARKER_VARIABLE } from "./instance.ts";

/** Names of the client's variables of a child, comma separated: names are no secret, and the demo server shows them. */
export const CLIENT_VARIABLES_VARIABLE = "MCP_SSE_PROXY_CLIENT_VARIABLES";

/** What a child gets of the proxy's own environment; everything else stays with the proxy. */
const INHERITED = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "LANG",
  "LANGUAGE",
  "TZ",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "all_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "REQUESTS_CA_BUNDLE",
  "CURL_CA_BUNDLE",
] as const;

/** What no program does without on Windows. */
const INHERITED_ON_WINDOWS = [
  "SYSTEMROOT",
  "APPDATA",
  "LOCALAPPDATA",
  "USERPROFILE",
  "PATHEXT",
  "COMSPEC",
  "TEMP",
  "TMP",
];

/** What a child gets unless the operator has said otherwise: npm's advertising buries the reason for which a server does not start. */
const DEFAULTS: Readonly<Record<string, string>> = { NPM_CONFIG_UPDATE_NOTIFIER: "false" };

type Environment = Readonly<Record<string, string | undefined>>;

/** Picks the base of every child's environment from the proxy's own. */
export function baseEnvironment(own: Environment): Readonly<Record<string, string>> {
  const base: Record<string, string> = {};
  // Windows takes names in any case, and spells PATH as Path.
  const isWindows = process.platform === "win32";
  const inherited = new Set<string>(isWindows ? [...INHERITED, ...INHERITED_ON_WINDOWS] : INHERITED);
  for (const [spelling, value] of Object.entries(own)) {
    const name = isWindows ? spelling.toUpperCase() : spelling;
    if (value !== undefined && (name.startsWith("LC_") || inherited.has(name))) base[name] = value;
  }
  return base;
}

export interface ChildEnvironmentOptions {
  readonly base: Readonly<Record<string, string>>;
  /** What is set on the proxy for the server's launcher. */
  readonly inherited: Readonly<Record<string, string>>;
  /** The operator's variables of the server. */
  readonly server: Readonly<Record<string, string>>;
  readonly client: ReadonlyMap<string, string>;
  /** The child's own temporary directory, if it has one. */
  readonly temporary: string | undefined;
  /** Marks the whole tree, so that whoever leaves the process group can still be found. */
  readonly marker: string;
}

/** Builds a child's environment up from nothing: base, then the launcher's, the operator's and the client's, then our marks. */
export function childEnvironment(options: ChildEnvironmentOptions): Record<string, string> {
  // No prototype: a variable named like a member of Object is a variable and nothing else.
  const environment: Record<string, string> = Object.assign(
    Object.create(null),
    DEFAULTS,
    options.base,
    options.inherited,
  );
  if (options.temporary !== undefined) environment["TMPDIR"] = options.temporary;
  Object.assign(environment, options.server);
  for (const [name, value] of options.client) environment[name] = value;
  environment[CLIENT_VARIABLES_VARIABLE] = [...options.client.keys()].join(",");
  environment[MARKER_VARIABLE] = options.marker;
  return environment;
}
