#!/usr/bin/env bun
// Writes what is generated anew, the tables of the pages and the schema of the file: bun test/docs/update.ts
import { join } from "node:path";
import { jsonSchema } from "../../src/config/file/schema.ts";
import { withGenerated } from "./generated.ts";
import { pages, ROOT } from "./pages.ts";

for (const { path, text } of pages) {
  const renewed = withGenerated(text);
  if (renewed !== text) await Bun.write(join(ROOT, path), renewed);
}

const schema = join(ROOT, "mcp-sse-proxy.schema.json");
await Bun.write(schema, JSON.stringify(jsonSchema()));
await Bun.$`bun run biome format --write ${schema}`.cwd(ROOT).quiet();
