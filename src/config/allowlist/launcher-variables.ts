import { basename } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Programs that fetch or run packages, or that servers are run by which do so in turn. */
const LAUNCHERS =
  /^(?:node|nodejs|npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack|tsx|ts-node|bun|bunx|deno|fnm|nvm|volta|mise|asdf|uv|uvx|pip3?|pipx|poetry|hatch|pdm|rye|conda|mamba|python(?:\d+(?:\.\d+)*)?|pypy\d*|fastmcp|mcp)$/;

/** They read what is set for the Docker client, which may open the whole host: no other program gets it. */
const CONTAINER_LAUNCHERS = /^(?:docker|docker-compose|podman|nerdctl|buildah|finch)$/;

/** They run the program that one of their arguments names. */
const WRAPPERS =
  /^(?:sh|bash|dash|ash|zsh|busybox|env|cmd|powershell|pwsh|timeout|nice|ionice|xvfb-run|dumb-init|tini|stdbuf|setpriv|direnv)$/;

/** What package managers take from the environment, as npm does in either case. */
const PACKAGE_VARIABLES =
  /^(?:npm_config_.+|(?:UV|PIP|PIPX|COREPACK|YARN|PNPM|BUN|DENO|JSR|POETRY|HATCH|PDM|CONDA|MAMBA|NVM|FNM|VOLTA|MISE|ASDF)_.+|PNPM_HOME|XDG_(?:CACHE|CONFIG|DATA|STATE)_HOME)$/i;

const CONTAINER_VARIABLES =
  /^(?:DOCKER|BUILDKIT|COMPOSE|PODMAN|CONTAINERS|BUILDAH)_.+$|^CONTAINER_HOST$|^XDG_(?:CONFIG|RUNTIME|DATA)_(?:HOME|DIR)$/;

/**
 * What begins alike and must not be handed on: what makes Bun run other code or wait for a debugger, credentials for publishing, and
 * what npm tells the scripts that it runs: it describes the project that the proxy was started in.
 */
const WITHHELD =
  /^(?:BUN_(?:OPTIONS|BE_BUN|INSPECT.*|DEBUG.*)|DENO_DEPLOY_.*|(?:UV|POETRY|HATCH|PDM)_(?:PUBLISH|INDEX_AUTH|PYPI_TOKEN).*|POETRY_PYPI_TOKEN_.*|npm_config_(?:local_prefix|global_prefix|node_gyp|npm_version|user_agent|noproxy))$/i;

/**
 * What the operator has set on the proxy for the launcher that a server is started by: registries, caches, credentials for them. No
 * client can set any of it (guard/denylist.ts). Empty for a program that is no launcher.
 */
export function launcherVariables(
  command: readonly [string, ...string[]],
  environment: Environment,
): Readonly<Record<string, string>> {
  const programs = programsOf(command);
  const isLauncher = programs.some((program) => LAUNCHERS.test(program));
  const isContainerLauncher = programs.some((program) => CONTAINER_LAUNCHERS.test(program));
  const isWanted = (name: string) =>
    !WITHHELD.test(name) &&
    ((isLauncher && PACKAGE_VARIABLES.test(name)) || (isContainerLauncher && CONTAINER_VARIABLES.test(name)));
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value !== undefined && isWanted(name) ? [[name, value]] : [],
    ),
  );
}

/** The names of the program, and of those that a wrapper may run: `sh -c "npx …"`. */
function programsOf([program, ...args]: readonly [string, ...string[]]): readonly string[] {
  const name = programName(program);
  if (!WRAPPERS.test(name)) return [name];
  return [name, ...args.flatMap((arg) => arg.split(/[\s;&|()"'`]+/)).map(programName)];
}

function programName(word: string): string {
  return basename(word.replaceAll("\\", "/"))
    .toLowerCase()
    .replace(/\.(?:exe|cmd|bat|ps1)$/, "");
}
