import { readSync, writeSync } from "node:fs";
import { BIG_BYTES } from "../driver/messages.ts";

/**
 * The fixture: an MCP server on stdio that costs as little as Bun allows, so that a gateway and not its child is measured.
 * It blocks on reading, answers every line of a read by one write, and finds method and id by scanning the line.
 */
const TOOLS =
  '{"tools":[{"name":"echo","inputSchema":{"type":"object"}},{"name":"big","inputSchema":{"type":"object"}}]}';
const INITIALIZED =
  '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"bench","version":"1"}}';
const ECHO = '{"content":[{"type":"text","text":"hello"}]}';
const BIG = `{"content":[{"type":"text","text":"${"x".repeat(BIG_BYTES)}"}]}`;

function resultOf(line: string): string {
  if (line.includes('"name":"echo"')) return ECHO;
  if (line.includes('"name":"big"')) return BIG;
  if (line.includes('"method":"initialize"')) return INITIALIZED;
  if (line.includes('"method":"tools/list"')) return TOOLS;
  return "{}";
}

function write(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

const buffer = Buffer.allocUnsafe(256 * 1024);
let rest = "";
for (let read = readSync(0, buffer); read > 0; read = readSync(0, buffer)) {
  const lines = (rest + buffer.toString("latin1", 0, read)).split("\n");
  rest = lines.pop() ?? "";
  let answers = "";
  for (const line of lines) {
    const id = /"id":("[^"]*"|\d+)/.exec(line)?.[1];
    if (id !== undefined) answers += `{"jsonrpc":"2.0","id":${id},"result":${resultOf(line)}}\n`;
  }
  if (answers !== "") write(answers);
}
