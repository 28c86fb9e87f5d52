import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
const BINARY = join(ROOT, "dist", "mcp-sse-proxy");

/** The proxy from its source: the words that start it. */
export function sourceCommand(): readonly string[] {
  return [process.execPath, join(ROOT, "src", "main.ts")];
}

/**
 * Path of the compiled proxy: PROXY_BINARY when that is set, else dist/mcp-sse-proxy, which is built first when it is absent or
 * older than the source: a test of yesterday's binary proves nothing.
 */
export function proxyBinary(): string {
  const given = process.env["PROXY_BINARY"];
  if (given !== undefined && given !== "") return given;
  if (!existsSync(BINARY) || statSync(BINARY).mtimeMs < newestSource()) {
    const built = Bun.spawnSync([join(ROOT, "scripts", "build")], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    if (!built.success) throw new Error(`scripts/build failed: ${built.stderr.toString().slice(-2_000)}`);
  }
  return BINARY;
}

function newestSource(): number {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs));
}
