/**
 * Environment variables that can make a program run other code, read other files or talk to other hosts: names that are
 * never taken from a client unless the operator asks for them twice. The first line of defence is that an entry declares
 * the variables it takes; this list is the second, and the only one under `clientEnv: "*"`. Families rather than single
 * names, because a list of single names is overtaken by the next release of npm. THREATS 1.1 says what each was seen to do.
 */

/** A name that begins with one of these is denied. */
const DENIED_PREFIXES: readonly string[] = [
  // The proxy's own settings, and what it runs on.
  ...["MCP_SSE_PROXY_", "MCP", "FASTMCP_", "DANGEROUSLY_", "FLY_"],
  // Names with a leading underscore are a runtime's own: _JAVA_OPTIONS, __XPC_DYLD_INSERT_LIBRARIES.
  "_",
  // Dynamic loader and C library.
  ...["LD_", "DYLD_", "LDR_", "GCONV_", "GLIBC_", "MALLOC_", "RESOLV_", "LC_"],
  // Shells.
  ...["BASH", "ZSH_"],
  // JavaScript.
  ...["NODE_", "NPM_", "COREPACK_", "YARN_", "PNPM_", "BUN_", "DENO_", "JSR_", "NVM_", "VOLTA_"],
  // Python.
  ...["PYTHON", "PYENV_", "PIP_", "PIPX_", "UV_", "CONDA_", "POETRY_", "PDM_", "HATCH_"],
  // Other languages and their package managers.
  ...["RUBY", "RBENV_", "GEM_", "BUNDLE_", "PERL", "LUA_", "JULIA_", "PHP", "JAVA_", "JDK_", "MAVEN_", "GRADLE_"],
  ...["DOTNET_", "CORECLR_", "COR_", "COMPLUS_", "NUGET_", "MONO_", "ERL_", "ELIXIR_", "CGO_", "CARGO_", "RUSTUP_"],
  ...["ASDF_", "MISE_"],
  // Containers and orchestration.
  ...["DOCKER_", "BUILDX_", "BUILDKIT_", "COMPOSE_", "CONTAINERS_", "PODMAN_", "KUBE", "HELM_"],
  // Git, ssh, TLS and downloads.
  ...["GIT_", "SSH_", "CURL_", "WGET", "OPENSSL_", "SSL_", "KRB5"],
  // Desktop, services, telemetry and embedded browsers.
  ...["XDG_", "GTK_", "QT_", "GIO_", "GST_", "DBUS_", "SUDO_", "SYSTEMD_", "LISTEN_", "OTEL_", "ELECTRON_"],
  ...["PUPPETEER_", "PLAYWRIGHT_", "CHROME_"],
  // Where cloud credentials come from and where they are sent; the credentials themselves may pass.
  ...["AWS_ENDPOINT_URL", "AWS_CONTAINER_", "AWS_EC2_METADATA_", "GOOGLE_EXTERNAL_ACCOUNT_", "CLOUDSDK_"],
];

/** A name that ends with one of these is denied. */
const DENIED_SUFFIXES: readonly string[] = ["_PROXY", "_CA_BUNDLE", "_ASKPASS", "_PRELOAD", "_STARTUP_HOOKS"];

const DENIED_NAMES: ReadonlySet<string> = new Set([
  // Secrets that the proxy reads itself.
  "MAXIM_SECRET",
  // A server that leaves stdio and listens instead.
  ...["HOST", "PORT", "TRANSPORT"],
  // Identity, directories, locale, terminal.
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP", "HOSTNAME"],
  ...["LANG", "LANGUAGE", "TZDIR", "TERM", "TERMINFO", "TERMINFO_DIRS", "TERMCAP", "TERMPATH", "DISPLAY", "XAUTHORITY"],
  // Shells and the programs that shells start.
  ...["ENV", "IFS", "PS4", "SHELLOPTS", "CDPATH", "GLOBIGNORE", "PROMPT_COMMAND", "ZDOTDIR", "FPATH", "NULLCMD"],
  ...[
    "READNULLCMD",
    "INPUTRC",
    "HISTFILE",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
  ],
  // C library and loaders of other systems.
  ...["RES_OPTIONS", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "NLSPATH", "NIS_PATH", "GETCONF_DIR", "PATH_LOCALE"],
  ...["LIBPATH", "SHLIB_PATH"],
  // npm reads PREFIX and PROXY bare, and tells its scripts where node is.
  ...["NODE", "PREFIX", "PROXY", "INIT_CWD"],
  // Toolchains.
  ...["CLASSPATH", "VIRTUAL_ENV", "CC", "CXX", "MAKEFLAGS", "RUSTC_WRAPPER", "RUSTFLAGS", "ANT_OPTS", "SBT_OPTS"],
  ...["GOFLAGS", "GOENV", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "GOTOOLCHAIN", "GOROOT", "GOPATH", "GODEBUG"],
  ...["GOCOVERDIR", "R_PROFILE_USER", "R_ENVIRON_USER"],
  // Credentials files, remote shells, key logs, service sockets.
  ...["CONTAINER_HOST", "NETRC", "HGRCPATH", "SVN_SSH", "RSYNC_RSH", "GNUPGHOME", "SSLKEYLOGFILE", "NOTIFY_SOCKET"],
  ...["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_CONFIG_DIR"],
  "GOOGLE_APPLICATION_CREDENTIALS",
  // Windows.
  ...["COMSPEC", "PATHEXT", "SYSTEMROOT", "WINDIR", "APPDATA", "LOCALAPPDATA", "USERPROFILE"],
]);

const DENIED_FAMILY = new RegExp(`^(?:${DENIED_PREFIXES.join("|")})|(?:${DENIED_SUFFIXES.join("|")})$`);

const VARIABLE_NAME = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Whether a name, in its canonical upper case, can be that of a client variable. */
export function isVariableName(name: string): boolean {
  return VARIABLE_NAME.test(name);
}

/**
 * Whether a client must not set this variable unless the operator has said so by name. Case makes no difference and `-`
 * counts as `_`, as npm reads its own (`/^npm_config_/i`).
 */
export function isDeniedVariable(name: string): boolean {
  const canonical = name.toUpperCase().replaceAll("-", "_");
  return DENIED_NAMES.has(canonical) || DENIED_FAMILY.test(canonical);
}
