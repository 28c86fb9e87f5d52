import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { baseEnvironment } from "../../src/process/environment.ts";
import { faultsOf, settingsOf } from "../config/configure.ts";
import { codeBlocks, codeOf, inBackticks, pages, ROOT, sectionOf } from "./pages.ts";

const environment = { EXA_API_KEY: "the-operators-own-key" };

test("the README's first file is accepted, and lets clients bring a key for the one server that takes one", async () => {
  const { servers } = await settingsOf({ file: JSON.parse(codeOf("first-server")) });
  expect([...servers.keys()]).toEqual(["demo", "memory", "search"]);
  const policies = [...servers.values()].map(({ clientEnv }) => (clientEnv === "*" ? "*" : [...clientEnv.keys()]));
  expect(policies).toEqual(["*", [], ["EXA_API_KEY"]]);
});

describe("the configuration file of docs/configuration.md", () => {
  const file = JSON.parse(codeOf("configuration"));

  test("is accepted, and allows exactly the servers that it lists", async () => {
    const { servers } = await settingsOf({ file, environment });
    expect([...servers.keys()]).toEqual([
      ...["demo", "everything", "search", "github"],
      ...["npx -y @modelcontextprotocol/server-memory", "npx -y @notionhq/notion-mcp-server"],
    ]);
    expect(servers.get("search")?.env).toEqual(environment);
    expect(servers.get("github")?.timeouts.startMs).toBe(5 * 60_000);
    expect(servers.get("github")?.timeouts.silentMs).toBe(30 * 60_000);
  });

  test("needs the variable that it reads from the proxy's environment", async () => {
    expect(await faultsOf({ file })).toEqual([expect.stringContaining("EXA_API_KEY is not set")]);
  });

  test("takes a GitHub token of either form by its pattern, and nothing else", async () => {
    const { servers } = await settingsOf({ file, environment });
    const policy = servers.get("github")?.clientEnv;
    const pattern = policy === "*" ? undefined : policy?.get("GITHUB_PERSONAL_ACCESS_TOKEN")?.pattern;
    for (const token of ["ghp_abc123", "github_pat_11A_b"]) expect(pattern?.test(token)).toBe(true);
    for (const token of ["", "ghp_", "ghp_a, ghp_b", "other"]) expect(pattern?.test(token)).toBe(false);
  });

  test("names the schema that lies beside it", () => {
    expect(existsSync(join(ROOT, file.$schema))).toBe(true);
  });
});

test("the variables of the proxy's own that a server is said to get are those that it gets", () => {
  const section = sectionOf("docs/configuration.md", "## Whose credentials a server gets");
  const named = inBackticks(/^1\. .*?(?=^2\. )/ms.exec(section)?.[0] ?? "").filter((name) => name !== "MAXIM_SECRET");
  expect(named).toContain("PATH");
  const environment = Object.fromEntries(named.map((name) => [name.replace("…", "ALL"), "value"]));
  expect(baseEnvironment({ ...environment, MAXIM_SECRET: "secret" })).toEqual(environment);
});

test("every JSON example is valid JSON", () => {
  const examples = pages.flatMap(({ text }) => codeBlocks(text)).filter(({ language }) => language === "json");
  expect(examples.length).toBeGreaterThan(3);
  for (const { code } of examples) expect(() => JSON.parse(code)).not.toThrow();
});
