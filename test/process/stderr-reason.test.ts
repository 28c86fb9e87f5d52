import { describe, expect, test } from "bun:test";
import { errorLineOf, reasonOf } from "../../src/process/stderr-reason.ts";

/** What programs write when they cannot start, and the line of it that says why. */
const OUTPUTS: Readonly<Record<string, readonly [output: string, reason: string]>> = {
  "npx: no such package": [
    `npm warn exec The following package was not found and will be installed: none-at-all@1.0.0
npm error code E404
npm error 404 Not Found - GET https://registry.npmjs.org/@x%2fnone-at-all
npm error 404
npm error 404  The requested resource '@x/none-at-all@*' could not be found or you do not have permission to access it.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git url.
npm notice
npm notice New major version of npm available! 10.8.2 -> 11.19.1
npm notice Changelog: https://github.com/npm/cli/releases/tag/v11.19.1
npm notice To update run: npm install -g npm@11.19.1
npm notice
npm error A complete log of this run can be found in: /home/user/.npm/_logs/2026-11-25T06_49_36_708Z-debug-0.log`,
    "npm error 404 Not Found - GET https://registry.npmjs.org/@x%2fnone-at-all",
  ],
  "npx: a home that cannot be written": [
    `npm error code EACCES
npm error syscall mkdir
npm error path /home/node/.npm
npm error errno EACCES
npm error
npm error Your cache folder contains root-owned files, due to a bug in previous versions of npm which has since been addressed.
npm error
npm error To permanently fix this problem, please run:
npm error   sudo chown -R 1000:1000 "/home/node/.npm"
npm error Log files were not written due to an error writing to the directory: /home/node/.npm/_logs
npm error You can rerun the command with \`--loglevel=verbose\` to see the logs in your terminal`,
    "npm error code EACCES mkdir /home/node/.npm",
  ],
  "npx: no such version": [
    `npm ERR! code ETARGET
npm ERR! notarget No matching version found for cowsay@99.
npm ERR! notarget In most cases you or one of your dependencies are requesting
npm ERR! notarget a package version that doesn't exist.

npm ERR! A complete log of this run can be found in: /home/user/.npm/_logs/x-debug-0.log`,
    "npm error notarget No matching version found for cowsay@99.",
  ],
  "npx: no network": [
    `npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to https://registry.npmjs.org/x failed, reason: getaddrinfo ENOTFOUND registry.npmjs.org
npm error network This is a problem related to network connectivity.`,
    "npm error network request to https://registry.npmjs.org/x failed, reason: getaddrinfo ENOTFOUND registry.npmjs.org",
  ],
  "npx: a package without a program": [
    `npm error could not determine executable to run
npm error A complete log of this run can be found in: /home/user/.npm/_logs/x-debug-0.log`,
    "npm error could not determine executable to run",
  ],
  "node: a module of CommonJS": [
    `node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module 'x-y'
Require stack:
- /srv/[eval]
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at [eval]:1:1
    at evalScript (node:internal/process/execution:133:3) {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/srv/[eval]' ]
}

Node.js v20.20.2`,
    "Error: Cannot find module 'x-y'",
  ],
  "node: a package of ES modules": [
    `node:internal/modules/esm/resolve:873
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-out' imported from /srv/a.mjs
    at packageResolve (node:internal/modules/esm/resolve:873:9)
    at #cachedDefaultResolve (node:internal/modules/esm/loader:657:25)
    at ModuleJob._link (node:internal/modules/esm/module_job:168:49) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v20.20.2`,
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-out' imported from /srv/a.mjs",
  ],
  "node: an error of the server's own, after warnings": [
    `(node:12) ExperimentalWarning: SQLite is an experimental feature and might change at any time
(Use \`node --trace-warnings ...\` to show where the warning was created)
file:///srv/d.mjs:1
const e = async () => { throw Object.assign(new Error("API_TOKEN is empty"), { code: "E_CONFIG" }); };
                                            ^

Error: API_TOKEN is empty
    at e (file:///srv/d.mjs:1:45)
    at async file:///srv/d.mjs:3:1 {
  code: 'E_CONFIG'
}

Node.js v20.20.2`,
    "Error: API_TOKEN is empty",
  ],
  "node: an error that its server catches": [
    `Starting the server...
Fatal error in main(): Error: GITHUB_TOKEN must be set
    at main (/srv/index.js:10:11)`,
    "Fatal error in main(): Error: GITHUB_TOKEN must be set",
  ],
  "node: syntax that is too new for it": [
    `/srv/index.js:3
a ??= 1;
  ^^^

SyntaxError: Unexpected token '??='
    at wrapSafe (internal/modules/cjs/loader.js:915:16)`,
    "SyntaxError: Unexpected token '??='",
  ],
  "node: a missing file": [
    `node:fs:573
  return binding.open(
                 ^

Error: EACCES: permission denied, open '/etc/keys.json'
    at Object.openSync (node:fs:573:18) {
  errno: -13,
  code: 'EACCES',
  syscall: 'open',
  path: '/etc/keys.json'
}

Node.js v20.20.2`,
    "Error: EACCES: permission denied, open '/etc/keys.json'",
  ],
  "node: no memory": [
    `<--- Last few GCs --->

[1:0x1] 100 ms: Mark-Compact 10.0 (12.0) -> 9.9 (12.2) MB

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
 1: 0xb7a940 node::Abort() [node]
 2: 0xa8e823  [node]`,
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
  ],
  bun: [
    `1 | import x from "left-out"
                    ^
error: Cannot find package 'left-out' from '/srv/a.mjs'

note: GET https://registry.npmjs.org/left-out - 404

Bun v1.4.5 (Linux x64)`,
    "error: Cannot find package 'left-out' from '/srv/a.mjs'",
  ],
  "python: a traceback": [
    `Traceback (most recent call last):
  File "/srv/server.py", line 3, in <module>
    from mcp.server import Server
ModuleNotFoundError: No module named 'mcp'`,
    "ModuleNotFoundError: No module named 'mcp'",
  ],
  "python: one error after another": [
    `Traceback (most recent call last):
  File "/srv/server.py", line 3, in load
    return os.environ["KEY"]
           ~~~~~~~~~~^^^^^^^
KeyError: 'KEY'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/server.py", line 9, in <module>
    load()
ValueError: KEY environment variable is required`,
    "ValueError: KEY environment variable is required",
  ],
  "python: an exception group": [
    `  + Exception Group Traceback (most recent call last):
  |   File "/srv/x.py", line 5, in <module>
  |     raise me from None
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/x.py", line 2, in f
    | ValueError: API key required
    +------------------------------------`,
    "ValueError: API key required",
  ],
  "python: settings": [
    `Traceback (most recent call last):
  File "/srv/x.py", line 5, in <module>
    Settings()
pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings
api_key
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.10/v/missing`,
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings: api_key: Field required [type=missing, input_value={}, input_type=dict]",
  ],
  "python: arguments": [
    `usage: server [-h] --api-key API_KEY
server: error: the following arguments are required: --api-key`,
    "server: error: the following arguments are required: --api-key",
  ],
  "uvx: no such package": [
    `  × No solution found when resolving tool dependencies:
  ╰─▶ Because none-at-all was not found in the package registry and you
      require none-at-all, we can conclude that your requirements are
      unsatisfiable.`,
    "Because none-at-all was not found in the package registry and you require none-at-all, we can conclude that your requirements are unsatisfiable.",
  ],
  "uvx: no network": [
    `error: Failed to fetch: \`https://pypi.org/simple/mcp-server-time/\`
  Caused by: Request failed after 3 retries
  Caused by: error sending request for url (https://pypi.org/simple/mcp-server-time/)
  Caused by: client error (Connect)`,
    "error: Failed to fetch: `https://pypi.org/simple/mcp-server-time/` Caused by: Request failed after 3 retries Caused by: error sending request for url (https://pypi.org/simple/mcp-server-time/) Caused by: client error (Connect)",
  ],
  "uvx: advertising before a server's own error": [
    `Downloading pydantic-core (2.0MiB)
Installed 32 packages in 45ms
Traceback (most recent call last):
  File "/home/user/.cache/uv/archive-v0/x/bin/server", line 10, in <module>
    sys.exit(main())
RuntimeError: Please set BRAVE_API_KEY`,
    "RuntimeError: Please set BRAVE_API_KEY",
  ],
  "docker: it does not run": [
    `docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?

Run 'docker run --help' for more information`,
    "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
  ],
  "docker: no such image": [
    `Unable to find image 'ghcr.io/x/none:latest' locally
docker: Error response from daemon: Head "https://ghcr.io/v2/x/none/manifests/latest": denied.
See 'docker run --help'.`,
    'docker: Error response from daemon: Head "https://ghcr.io/v2/x/none/manifests/latest": denied.',
  ],
  "a shell that finds no program": ["sh: 1: nosuchcmd: not found", "sh: 1: nosuchcmd: not found"],
  "a script whose interpreter is not there": [
    "/usr/bin/env: 'node': No such file or directory",
    "/usr/bin/env: 'node': No such file or directory",
  ],
  "a program that may not be run": ["sh: 1: /srv/x: Permission denied", "sh: 1: /srv/x: Permission denied"],
  "a library that is not there": [
    "server: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory",
    "server: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory",
  ],
  "a crash": ["loading the model\nSegmentation fault (core dumped)", "Segmentation fault (core dumped)"],
  "a key that is not set": [
    `GitHub MCP Server v1.2
GITHUB_PERSONAL_ACCESS_TOKEN environment variable is required
See https://github.com/github/github-mcp-server for help`,
    "GITHUB_PERSONAL_ACCESS_TOKEN environment variable is required",
  ],
  "go: a panic": [
    `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47f2a1]

goroutine 1 [running]:
main.main()
	/srv/main.go:9 +0x19
exit status 2`,
    "panic: runtime error: invalid memory address or nil pointer dereference",
  ],
  "go: a fatal log": [
    "2026/11/25 06:40:05 failed to create the client: missing token",
    "2026/11/25 06:40:05 failed to create the client: missing token",
  ],
  "rust: a panic": [
    `thread 'main' panicked at src/main.rs:4:5:
API_KEY must be set: NotPresent
note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace`,
    "panic: API_KEY must be set: NotPresent",
  ],
  java: [
    `Exception in thread "main" java.lang.IllegalStateException: no token
	at com.example.Main.main(Main.java:5)`,
    'Exception in thread "main" java.lang.IllegalStateException: no token',
  ],
};

describe("the reason for which a program does not start", () => {
  test.each(Object.entries(OUTPUTS))("%s", (_, [output, reason]) => {
    expect(reasonOf(output.split("\n"))).toBe(reason);
  });

  test("is the last thing it said where nothing is recognised, but not while it still runs", () => {
    expect(reasonOf(["Hello", "  Good bye  ", ""])).toBe("Good bye");
    expect(errorLineOf(["Hello", "Good bye"])).toBeUndefined();
    expect(errorLineOf(["npm warn deprecated inflight@1.0.6: This module is not supported"])).toBeUndefined();
    expect(errorLineOf(["npm error code E404", "npm error 404 Not Found - GET https://x/y"])).toBe(
      "npm error 404 Not Found - GET https://x/y",
    );
    expect(reasonOf([])).toBeUndefined();
  });

  test("is one line of bounded length", () => {
    expect(reasonOf([`Error: ${"x".repeat(5_000)}`])?.length).toBe(400);
    expect(reasonOf([`done ${"x".repeat(5_000)}`])?.length).toBe(400);
  });
});
