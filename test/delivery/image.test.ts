import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SETTINGS } from "../../src/config/settings/settings.ts";

const ROOT = join(import.meta.dir, "..", "..");

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Value of a dotted key in a parsed TOML or JSON document. */
function at(document: unknown, key: string): unknown {
  return key.split(".").reduce<unknown>((value, part) => (Object(value) as Record<string, unknown>)[part], document);
}

const dockerfile = read("Dockerfile");
const images = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? "");

describe("the container image", () => {
  test("every base image has a full version", () => {
    expect(images.length).toBeGreaterThanOrEqual(4);
    for (const image of images) expect(image).toMatch(/:\d+\.\d+\.\d+(-[a-z-]+)?$/);
  });

  test("is built with the Bun that package.json pins", () => {
    const pinned = String(at(JSON.parse(read("package.json")), "packageManager")).replace("bun@", "");
    expect(images).toContain(`oven/bun:${pinned}-debian`);
  });

  test("its build context holds all that is copied from it, and nothing by default", () => {
    const rules = read(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules[0]).toBe("*");
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? "").split(" "),
    );
    expect(copied).toContain("src");
    for (const path of copied) expect(rules).toContain(`!${path}`);
  });

  test("drops root before it starts the proxy under an init", () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
    expect(last.match(/^USER (\S+)$/m)?.[1]).toBe("node");
    expect(last).toMatch(/^ENTRYPOINT \["tini", .*"mcp-sse-proxy"\]$/m);
    expect(last).toMatch(/^HEALTHCHECK .*CMD \["mcp-sse-proxy", "health"\]$/m);
  });
});

describe("the Fly.io app", () => {
  const fly: unknown = Bun.TOML.parse(read("fly.toml"));

  test("is killed only after the proxy's own limit for an orderly end", () => {
    const shutdownSeconds = SETTINGS.timeouts.shutdownMs.default / 1000;
    expect(at(fly, "kill_signal")).toBe("SIGTERM");
    expect(Number.parseInt(String(at(fly, "kill_timeout")), 10)).toBeGreaterThanOrEqual(shutdownSeconds + 10);
  });

  test("asks the port that it sets, and is reached from outside", () => {
    expect(String(at(fly, "http_service.internal_port"))).toBe(String(at(fly, "env.PORT")));
    expect(at(fly, "env.HOST")).toBe("0.0.0.0");
    expect(at(fly, "http_service.checks.0.path")).toBe("/health");
  });

  test("leaves it to the proxy to refuse a session too many", () => {
    expect(at(fly, "http_service.concurrency.type")).toBe("connections");
    expect(at(fly, "http_service.concurrency.hard_limit")).toBeGreaterThan(SETTINGS.limits.sessions.default);
  });

  test("is never stopped while a session may be waiting", () => {
    expect(at(fly, "http_service.auto_stop_machines")).toBe("off");
  });

  test("its Docker engine speaks the version of the image's client, to the network of the app alone", () => {
    const engine: unknown = Bun.TOML.parse(read("scripts/lib/fly-docker.toml"));
    const client = images.find((image) => image.startsWith("docker:"));
    expect(at(engine, "build.image")).toBe(client?.replace(/-cli$/, "-dind"));
    expect(at(engine, "http_service") ?? at(engine, "services")).toBeUndefined();
    expect(at(engine, "processes.app")).toContain("--tlsverify");
  });
});
