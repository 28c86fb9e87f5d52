import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ERRORS } from "../../src/base/errors.ts";
import { isForeignKey } from "../../src/config/file/foreign-keys.ts";
import { AnyObject, jsonSchema, valid } from "../../src/config/file/schema.ts";
import { ALL_SETTINGS } from "../../src/config/settings/settings.ts";
import type { EndReason } from "../../src/session/endings.ts";
import { GENERATED } from "./generated.ts";
import { firstCells, found, inBackticks, pages, partOf, ROOT, sectionOf } from "./pages.ts";

describe("the documentation", () => {
  test.each(Object.entries(GENERATED))(
    "has the table of %s that the source makes (bun test/docs/update.ts)",
    (name, make) => {
      expect(partOf(`generated: ${name}`)).toBe(make());
    },
  );

  test("explains each key that an entry may have, and no other", () => {
    const explained = firstCells(partOf("entries")).flat();
    expect([...explained].sort()).toEqual([...entryKeys()].sort());
  });

  test("names each room of the source, and no other", () => {
    const named = firstCells(partOf("rooms")).flat();
    const rooms = readdirSync(join(ROOT, "src"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || ["main.ts", "app.ts"].includes(entry.name))
      .map((entry) => (entry.isDirectory() ? `src/${entry.name}/` : `src/${entry.name}`));
    expect([...named].sort()).toEqual(rooms.sort());
  });

  test("names the file of each platform that scripts/build makes", async () => {
    const script = await Bun.file(join(ROOT, "scripts", "build")).text();
    const targets = (/^for target in (.*); do$/m.exec(script)?.[1] ?? "").split(" ");
    const [, all = ""] = sectionOf("README.md", "## Get the binary").split("`./scripts/build --all` |");
    const [first = "", ...others] = inBackticks(all.split("\n")[0] ?? "");
    const named = [first.replace("dist/mcp-sse-proxy", ""), ...others].filter((name) => name.startsWith("-"));
    expect(named).toEqual(targets.map((target) => `-${target}${target.startsWith("windows") ? ".exe" : ""}`));
  });
});

describe("the table of limits", () => {
  const limits = sectionOf("docs/operations.md", "## What happens at each limit");
  // The type holds this list to the source: a reason too many or too few does not compile.
  const reasons: Readonly<Record<EndReason, true>> = {
    "client-closed": true,
    stalled: true,
    idle: true,
    silent: true,
    lifetime: true,
    evicted: true,
    "start-timeout": true,
    "child-exited": true,
    unavailable: true,
    "line-too-large": true,
    deleted: true,
    shutdown: true,
    "internal-error": true,
  };

  test("says of each reason for which a session ends when that is, and of no other", () => {
    const said = [...limits.matchAll(/session ends[^:|]*: `([^`]+)`/g)].map((match) => match[1] ?? "");
    expect([...new Set(said)].sort()).toEqual(Object.keys(reasons).sort());
  });

  test("has every limit and time limit among the settings, and names no other", () => {
    const named = inBackticks(limits).filter((text) => /^(?:limits|timeouts|rateLimit)\./.test(text));
    const keys = ALL_SETTINGS.flatMap(({ key }) =>
      /^(?:limits|timeouts|rateLimit)\./.test(key ?? "") ? [key ?? ""] : [],
    );
    expect([...new Set(named)].sort()).toEqual(keys.sort());
  });

  test("names no error that does not exist", () => {
    const codes = inBackticks(limits).filter((text) => /^[a-z]+(?:_[a-z]+)+$/.test(text));
    expect(codes).not.toBeEmpty();
    for (const code of codes) expect(Object.keys(ERRORS)).toContain(code);
  });
});

describe.each(pages.map((page) => [page.path, page] as const))("%s", (_, { text }) => {
  test("names no setting that does not exist", () => {
    const keys = ALL_SETTINGS.map(({ key }) => key ?? "");
    const named = inBackticks(text).filter((one) => /^(?:listen|limits|timeouts|rateLimit|cors|log)\.\w+$/.test(one));
    expect(named.filter((one) => !keys.includes(one))).toEqual([]);
  });

  test("names no environment variable and no option of the proxy that does not exist", () => {
    const environments = ALL_SETTINGS.map(({ environment }) => environment);
    const variables = found(/\b((?:LIMITS|TIMEOUTS|RATE_LIMIT|LOG|TRUSTED|ALLOWED)_[A-Z_]+)\b/g, text);
    expect(variables.filter((one) => !environments.includes(one))).toEqual([]);
    const flags = found(/(?:^|[`/])(?:mcp-sse-proxy|start)(?: [a-z]+)?((?: --[a-z-]+(?:[ =][\w./-]+)?)+)/gm, text);
    const known = ALL_SETTINGS.map(({ flag }) => flag ?? "");
    const named = flags.flatMap((some) => found(/(--[a-z-]+)/g, some));
    expect(named.filter((one) => !known.includes(one))).toEqual([]);
  });

  test("names no error that does not exist beside a status", () => {
    const codes = found(/\b[45]\d\d `([a-z_]+)`/g, text);
    expect(codes.filter((code) => !Object.keys(ERRORS).includes(code))).toEqual([]);
  });
});

/** Keys that the schema of the file knows in entries of `mcpServers` and of `allowedCommands`, without those that are left aside. */
function entryKeys(): ReadonlySet<string> {
  const keys = new Set<string>();
  const collect = (schema: unknown): void => {
    const properties = member(schema, "properties");
    for (const key of Object.keys(valid(AnyObject, properties) ?? {})) if (!isForeignKey(key)) keys.add(key);
  };
  const root = member(jsonSchema(), "properties");
  const patterns = valid(AnyObject, member(member(root, "mcpServers"), "patternProperties")) ?? {};
  for (const schema of Object.values(patterns)) collect(schema);
  const forms = member(member(member(root, "allowedCommands"), "items"), "anyOf");
  for (const schema of Array.isArray(forms) ? forms : []) collect(schema);
  return keys;
}

function member(value: unknown, key: string): unknown {
  return valid(AnyObject, value)?.[key];
}
