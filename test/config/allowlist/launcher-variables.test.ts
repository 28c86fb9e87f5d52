import { describe, expect, test } from "bun:test";
import { launcherVariables } from "../../../src/config/allowlist/launcher-variables.ts";
import { isDeniedVariable } from "../../../src/guard/denylist.ts";

const PACKAGES = {
  ...{
    NPM_CONFIG_CACHE: "/c",
    npm_config_registry: "https://npm.example/",
    "npm_config_//npm.example/:_authToken": "t0ken",
  },
  ...{ UV_CACHE_DIR: "/c", UV_INDEX_URL: "https://u:p@pypi.example/simple", PIP_INDEX_URL: "x", PIPX_HOME: "/p" },
  ...{ COREPACK_HOME: "/c", YARN_CACHE_FOLDER: "/y", PNPM_HOME: "/p", BUN_INSTALL_CACHE_DIR: "/b", DENO_DIR: "/d" },
  XDG_CACHE_HOME: "/cache",
};
const CONTAINERS = { DOCKER_HOST: "tcp://docker:2376", DOCKER_CONFIG: "/d", DOCKER_CERT_PATH: "/certs" };
const OTHERS = {
  ...{ PATH: "/bin", HOME: "/h", MAXIM_SECRET: "s", NODE_OPTIONS: "x", LD_PRELOAD: "x", AWS_SECRET_ACCESS_KEY: "x" },
  ...{ BUN_OPTIONS: "x", BUN_BE_BUN: "1", BUN_INSPECT: "x", UV_PUBLISH_TOKEN: "x", DENO_DEPLOY_TOKEN: "x" },
  ...{ npm_config_local_prefix: "/project", npm_config_user_agent: "npm", NPM_TOKEN: "x", GITHUB_TOKEN: "x" },
};
const ENVIRONMENT = { ...PACKAGES, ...CONTAINERS, ...OTHERS };

describe("what is set on the proxy for a launcher", () => {
  test.each(["npx", "npm", "node", "bunx", "bun", "uv", "uvx", "pipx", "python", "python3.12", "deno", "pnpm", "yarn"])(
    "goes to %s, and nothing else does",
    (program) => {
      for (const spelling of [program, `/usr/local/bin/${program}`, `C:\\tools\\${program}.CMD`]) {
        expect(launcherVariables([spelling, "x"], ENVIRONMENT)).toEqual(PACKAGES);
      }
    },
  );

  test.each(["docker", "podman", "/usr/bin/docker"])("goes to %s as far as it is the container engine's", (program) => {
    expect(launcherVariables([program, "run"], ENVIRONMENT)).toEqual(CONTAINERS);
  });

  test.each([
    [["sh", "-c", "exec npx -y x"]],
    [["env", "A=b", "uvx", "x"]],
    [["cmd", "/c", "npx", "-y", "x"]],
    [["timeout", "60", "/usr/bin/node", "x.js"]],
  ] as const)("goes to %j, which runs one", (command) => {
    expect(launcherVariables(command, ENVIRONMENT)).toEqual(PACKAGES);
  });

  test.each([
    [["github-mcp-server", "stdio"]],
    [["sh", "-c", "cat"]],
    [["my-server", "npx"]],
    [["mcp-sse-proxy", "demo"]],
  ] as const)("does not go to %j", (command) => {
    expect(launcherVariables(command, ENVIRONMENT)).toEqual({});
  });

  test("is nothing that a client could set", () => {
    for (const name of Object.keys({ ...PACKAGES, ...CONTAINERS }))
      expect([name, isDeniedVariable(name)]).toEqual([name, true]);
  });
});
