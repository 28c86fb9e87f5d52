import { ProxyError } from "../base/errors.ts";
import type { CallerChildren } from "../pool/caller-children.ts";
import type { Lease } from "../pool/lease.ts";
import { jsonAt, stringAt } from "../wire/json-value.ts";
import { paramHeaderMismatch } from "../wire/param-headers.ts";
import type { Round } from "./round.ts";
import { createToolHeaders } from "./tool-headers.ts";

/**
 * Compares the headers of a tool call with its arguments (2026-07-28, server/tools, "x-mcp-header"); a list of tools that may be old
 * is read again before it is believed. @throws ProxyError header_mismatch.
 */
export type ToolHeaderCheck = (
  round: Round,
  lease: Lease,
  children: Pick<CallerChildren, "notifications">,
) => Promise<void>;

export function createToolHeaderCheck(): ToolHeaderCheck {
  const toolHeaders = createToolHeaders();
  return async ({ line, header, method }, lease, { notifications }) => {
    if (method !== "tools/call") return;
    const tool = stringAt(line, ["params", "name"]);
    if (tool === undefined) return;
    const mismatch = async (fresh: boolean) => {
      const wanted = await toolHeaders.of(lease, notifications, tool, fresh);
      if (wanted.length === 0) return undefined;
      return paramHeaderMismatch(wanted, jsonAt(line, ["params", "arguments"]), header);
    };
    if ((await mismatch(false)) === undefined) return;
    const problem = await mismatch(true);
    if (problem !== undefined) throw new ProxyError("header_mismatch", { message: problem });
  };
}
