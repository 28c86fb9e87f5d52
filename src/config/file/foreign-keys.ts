import Type, { type TSchema } from "typebox";

/*
 * What desktop clients write into their entries beside `command`, `args` and `env`. An entry is pasted from one of them more often than
 * it is written by hand, so these keys are known, and left aside with a warning. A key that is neither theirs nor ours is a mistake.
 */

const TOOLS = "which of its tools a client may use is not for the proxy to say, so all of them are offered";
const TIME = "the proxy's own limits are timeouts.start and timeouts.request";

/** The key, and what to know of its being left aside. */
const LEFT_ASIDE: Readonly<Record<string, string>> = {
  // Claude, Cline, Roo Code, Amazon Q, Kiro, Cursor, Windsurf: what is approved without asking.
  ...all(["autoApprove", "alwaysAllow", "alwaysLoad", "autoApproveAll", "trust", "trusted"], ""),
  ...all(["tools", "disabledTools", "disabled_tools", "enabledTools", "enabled_tools", "availableTools"], TOOLS),
  ...all(["available_tools", "includeTools", "excludeTools", "include_tools", "exclude_tools", "allowedTools"], TOOLS),
  ...all(["timeout", "initTimeout", "requestTimeout", "connectTimeout", "startupTimeout", "toolTimeout"], TIME),
  ...all(["startup_timeout_sec", "startup_timeout_ms", "tool_timeout_sec", "longRunning"], TIME),
  ...all(["envFile", "env_file"], "its variables are not read: write them in env, or name them in inheritEnv"),
  // VS Code, Zed, Continue, Goose, LibreChat, Cherry Studio, 5ire, Codex, Gemini CLI, Copilot, Trae, Jan.
  ...all(["name", "title", "displayName", "description", "icon", "iconPath", "logoUrl", "tags", "category"], ""),
  ...all(["author", "homepage", "repository", "provider", "providerUrl", "version", "gallery", "metadata"], ""),
  ...all(["source", "installSource", "registryUrl", "fromGalleryId", "reference", "searchKey", "id", "key"], ""),
  ...all(["dev", "debug", "sandbox", "sandboxEnabled", "settings", "config", "bundled", "scope", "owner"], ""),
  ...all(["watch", "watchPaths", "restart", "autoStart", "autostart", "startup", "required", "optional"], ""),
  ...all(["chatMenu", "serverInstructions", "instructions", "customUserVars", "requiresOAuth", "oauth"], ""),
  ...all(["stderr", "encoding", "$comment", "_comment", "comment", "note", "notes"], ""),
};

/** Says in three spellings what `disabled` says. */
export const SWITCHES = ["enabled", "isActive", "active"] as const;

/** Says what `type` says. */
export const TRANSPORTS = ["type", "transport", "transportType"] as const;

/** Schemas of the keys, for whatever is checked and published. */
export const ForeignKeys: Readonly<Record<string, TSchema>> = Object.fromEntries(
  Object.keys(LEFT_ASIDE).map((key) => [key, Type.Optional(key === "timeout" ? Timeout() : Anything())]),
);

/** Whether a key is one of theirs that is left aside. */
export function isForeignKey(key: string): boolean {
  return Object.hasOwn(LEFT_ASIDE, key);
}

/** One sentence for all keys of an entry that are left aside; undefined: there are none. */
export function foreignKeyWarning(server: string, keys: readonly string[]): string | undefined {
  const foreign = keys.filter(isForeignKey);
  if (foreign.length === 0) return undefined;
  const hints = [...new Set(foreign.map((key) => LEFT_ASIDE[key] ?? "").filter((hint) => hint !== ""))];
  const list = foreign.map((key) => JSON.stringify(key)).join(", ");
  return `${JSON.stringify(server)} has keys of other clients, which are left aside: ${[list, ...hints].join("; ")}.`;
}

function all(keys: readonly string[], hint: string): Readonly<Record<string, string>> {
  return Object.fromEntries(keys.map((key) => [key, hint]));
}

function Anything(): TSchema {
  return Type.Unknown({ description: "Of other clients; left aside." });
}

/** An object would be our own `timeouts`, misspelt. */
function Timeout(): TSchema {
  return Type.Union([Type.Number(), Type.String()], {
    errorMessage: "expected a number: did you mean timeouts?",
    description: "Of other clients; left aside.",
  });
}
