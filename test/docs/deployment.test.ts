import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testWhen } from "../support/when.ts";
import { codeBlocks, pageAt } from "./pages.ts";
import { runCommand } from "./run.ts";

const nginx = Bun.which("nginx", { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` });
const systemd = Bun.which("systemd-analyze");

/** The code of the page's one example in this language. */
function exampleIn(language: string): string {
  const [example, second] = codesIn(language);
  if (example === undefined || second !== undefined)
    throw new Error(`docs/deployment.md needs one ${language} example`);
  return example;
}

function codesIn(language: string): readonly string[] {
  const blocks = codeBlocks(pageAt("docs/deployment.md").text);
  return blocks.filter((block) => block.language === language).map(({ code }) => code);
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "mcp-sse-proxy-docs-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("docs/deployment.md", () => {
  test("has YAML that can be parsed", () => {
    const examples = codesIn("yaml");
    expect(examples).toHaveLength(2);
    for (const example of examples) expect(() => Bun.YAML.parse(example)).not.toThrow();
  });

  testWhen(nginx !== null, "there is no nginx here")("has a configuration that nginx accepts", async () => {
    await inDirectory(async (directory) => {
      const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
      // It opens what it would listen on, so that is no port.
      const example = exampleIn("nginx").replace("server {", `server { listen unix:${join(directory, "socket")};`);
      const http = ["access_log off;", ...folders, example].join("\n");
      writeFileSync(join(directory, "nginx.conf"), `pid nginx.pid;\nevents {}\nhttp {\n${http}\n}\n`);
      await runCommand([nginx ?? "", "-t", "-q", "-p", directory, "-c", "nginx.conf", "-e", "stderr"], {});
    });
  });

  testWhen(systemd !== null, "there is no systemd-analyze here")("has a unit that systemd accepts", async () => {
    await inDirectory(async (directory) => {
      const unit = join(directory, "mcp-sse-proxy.service");
      writeFileSync(unit, exampleIn("ini").replace("/usr/local/bin/mcp-sse-proxy", process.execPath));
      await runCommand([systemd ?? "", "verify", unit], {});
    });
  });
});
