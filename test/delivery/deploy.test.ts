import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { TEST_MS } from "../support/limits.ts";
import { testWhen } from "../support/when.ts";

// Programs are started, on a machine that may be busy.
setDefaultTimeout(TEST_MS);

const ROOT = join(import.meta.dir, "..", "..");
const DOCKER = Bun.which("docker");

/** Stands in for flyctl: notes its arguments, keeps what it is given on stdin and by --file-local, and knows $SECRETS. */
const FLYCTL = `#!/bin/sh
echo "$*" >>"$HOME/calls"
case "$1 $2" in
  "status --app") exit 1 ;;
  "secrets list") [ "$SECRETS" != broken ] || exit 1; echo "[$SECRETS]" ;;
  "secrets import") cat >>"$HOME/secrets" ;;
esac
while [ $# -gt 0 ]; do
  if [ "$1" = --file-local ]; then mkdir -p "$HOME/files$(dirname "\${2%%=*}")"; cp "\${2#*=}" "$HOME/files\${2%%=*}"; fi
  shift
done
`;

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "deploy-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function deploy(args: readonly string[], { flyctl = true, secrets = "", env = {} } = {}) {
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  if (flyctl) writeFileSync(join(bin, "flyctl"), FLYCTL, { mode: 0o755 });
  const done = Bun.spawnSync([join(ROOT, "scripts", "deploy"), ...args], {
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home, SECRETS: secrets, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { exitCode: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() };
}

function kept(name: string): string {
  return readFileSync(join(home, name), "utf8");
}

/** The files that Fly makes of the secrets: NAME=base64 lines. */
function secretFile(name: string): string {
  const line = kept("secrets")
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name}=`));
  return Buffer.from(line?.slice(name.length + 1) ?? "", "base64").toString();
}

describe("scripts/deploy", () => {
  test("without flyctl it says what to install, and runs nothing", () => {
    const { exitCode, stderr } = deploy([], { flyctl: false });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("flyctl is not installed");
  });

  test("an unknown option ends it with 2", () => {
    expect(deploy(["--dockre"]).exitCode).toBe(2);
    expect(deploy(["--app"]).exitCode).toBe(2);
  });

  test("--dry-run prints the commands without flyctl, and no secret", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const { exitCode, stdout } = deploy(["--dry-run", "--docker", "--app", "mine"], {
      flyctl: false,
      env: { MAXIM_SECRET: secret },
    });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("fly apps create mine\n");
    expect(stdout).toContain("fly apps create mine-docker\n");
    expect(stdout).toMatch(/^fly deploy .*--app mine .*--ha=false/m);
    expect(stdout).not.toContain(secret);
  });

  test("a first launch creates the app and gives it a new secret by stdin, never as an argument", () => {
    const { exitCode, stdout } = deploy(["--app", "mine"]);
    expect(exitCode).toBe(0);
    const secret = kept("secrets").match(/^MAXIM_SECRET=([0-9a-f]{48})$/m)?.[1] ?? "none";
    expect(stdout).toContain(secret);
    expect(kept("calls")).not.toContain(secret);
    expect(kept("calls")).toMatch(/^status --app mine\napps create mine\n/);
    expect(kept("calls")).toMatch(/^deploy .*--app mine .*--build-arg BUILD_COMMIT=\w+ .*--ha=false/m);
    expect(kept("calls")).not.toContain("mine-docker");
  });

  test("a later run keeps the secret, and the engine that is connected", () => {
    deploy(["--app", "mine"], { secrets: '{"name":"MAXIM_SECRET"},{"name":"DOCKER_CLIENT_KEY"}' });
    expect(kept("calls")).not.toContain("secrets import");
    expect(kept("calls")).not.toContain("mine-docker --config");
    expect(kept("calls")).toContain("/docker/key.pem=DOCKER_CLIENT_KEY");
  });

  test("it makes no new secret when it cannot learn whether there is one", () => {
    expect(deploy(["--app", "mine"], { secrets: "broken" }).exitCode).not.toBe(0);
    expect(kept("calls")).not.toMatch(/secrets import|deploy/);
  });

  testWhen(DOCKER !== null, "there is no docker CLI here")(
    "--docker: the docker CLI finds the engine by HOME alone, and each trusts only the other",
    async () => {
      expect(deploy(["--app", "mine", "--docker"]).exitCode).toBe(0);

      // The engine's side, as its app gets it.
      let asked = "";
      using engine = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        tls: {
          ca: secretFile("DOCKER_CA"),
          cert: secretFile("DOCKER_CERT"),
          key: secretFile("DOCKER_KEY"),
          requestCert: true,
          rejectUnauthorized: true,
        },
        fetch(request) {
          asked = new URL(request.url).pathname;
          return new Response("OK", { headers: { "Api-Version": "1.50", "Content-Type": "text/plain" } });
        },
      });

      // The proxy's side: the files where the deployment puts them, with the engine's name led to this machine.
      const user = join(home, "user");
      cpSync(join(home, "files/home/node"), user, { recursive: true });
      for (const [, path = "", name = ""] of kept("calls").matchAll(/--file-secret \/home\/node\/(\S+)=(\S+)/g)) {
        mkdirSync(dirname(join(user, path)), { recursive: true });
        writeFileSync(join(user, path), secretFile(name));
      }
      const host = JSON.parse(readFileSync(join(user, metaPath()), "utf8")).Endpoints.docker.Host;
      expect(host).toBe("tcp://mine-docker.internal:2376");
      // A tunnel by HTTP proxy is what a Go client offers for another address under the same name.
      using tunnel = tunnelTo(engine.port ?? 0);
      const client = Bun.spawn([DOCKER ?? "", "version", "--format", "{{.Client.Version}}"], {
        env: { PATH: "/usr/bin:/bin", HOME: user, HTTPS_PROXY: `http://127.0.0.1:${tunnel.port}` },
        stdio: ["ignore", "pipe", "pipe"],
      });
      await client.exited;
      expect(asked).not.toBe("");

      // The name is not what is tested here, so that the certificate alone decides.
      const ca = secretFile("DOCKER_CA");
      const ping = (tls: object) =>
        fetch(`https://127.0.0.1:${engine.port}/_ping`, { tls: { ca, checkServerIdentity: () => undefined, ...tls } });
      const own = { cert: secretFile("DOCKER_CLIENT_CERT"), key: secretFile("DOCKER_CLIENT_KEY") };
      expect((await ping(own)).status).toBe(200);
      await expect(ping({})).rejects.toThrow();
    },
  );
});

/** Where the docker CLI keeps a context's address, found from what was deployed. */
function metaPath(): string {
  return kept("calls").match(/--file-local \/home\/node\/(\S+meta\.json)=/)?.[1] ?? "";
}

/** A CONNECT proxy that leads every name to one local port. */
function tunnelTo(port: number) {
  return Bun.listen<{ upstream: ReturnType<typeof connect> | undefined }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { upstream: undefined };
      },
      data(socket, bytes) {
        if (socket.data.upstream !== undefined) {
          void socket.data.upstream.then((upstream) => upstream.write(bytes));
          return;
        }
        socket.data.upstream = connect(port, (answer) => socket.write(answer));
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
      },
      close(socket) {
        void socket.data.upstream?.then((upstream) => upstream.end());
      },
    },
  });
}

function connect(port: number, onData: (bytes: Uint8Array) => void) {
  return Bun.connect({ hostname: "127.0.0.1", port, socket: { data: (_, bytes) => onData(bytes) } });
}
