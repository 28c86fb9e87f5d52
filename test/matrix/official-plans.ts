import type { ServerEntry } from "../support/server-entry.ts";
import { ANSWERS } from "./client.ts";
import type { Files } from "./files.ts";
import type { Plan } from "./plan.ts";

const MEGABYTE = 1_000_000;

export function planEverything(entry: ServerEntry, files: Files): Plan {
  return {
    entry,
    tools: [
      "echo",
      "get-annotated-message",
      "get-env",
      "get-resource-links",
      "get-resource-reference",
      "get-roots-list",
      "get-structured-content",
      "get-sum",
      "get-tiny-image",
      "gzip-file-as-resource",
      "simulate-research-query",
      "toggle-simulated-logging",
      "toggle-subscriber-updates",
      "trigger-elicitation-request",
      "trigger-long-running-operation",
      "trigger-sampling-request",
    ],
    call: { tool: "get-sum", args: { a: 2, b: 40 }, answer: "42" },
    progress: {
      tool: "trigger-long-running-operation",
      args: { duration: 0.25, steps: 5 },
      steps: 5,
      answer: "completed",
    },
    // The first message, of any level, comes at once; the next ones every five seconds.
    logs: { tool: "toggle-simulated-logging", args: {}, text: /level.message/i },
    // It goes on in the server, which does not look whether it was cancelled.
    cancel: (client) => ({
      tool: "trigger-long-running-operation",
      args: { duration: 100 + (Bun.hash.crc32(client) % 1_000), steps: 1 },
    }),
    told: `"roots":[{"uri":`,
    elicitation: { tool: "trigger-elicitation-request", args: {}, answer: `- Name: ${ANSWERS.user}` },
    sampling: { tool: "trigger-sampling-request", args: { prompt: "Say a word" }, answer: ANSWERS.model },
    roots: { tool: "get-roots-list", args: {}, answer: `file://${files.root}` },
    completion: { prompt: "completable-prompt", argument: "department", begun: "E", values: ["Engineering"] },
    prompts: { name: "args-prompt", args: { city: "London" }, text: "What's weather in London?" },
    resources: { uri: "demo://resource/static/document/features.md", text: "Tools" },
    updates: { uri: "demo://resource/dynamic/text/1", tool: "toggle-subscriber-updates", args: {} },
    many: (index) => ({ tool: "echo", args: { message: `message ${index}.` }, answer: `Echo: message ${index}.` }),
    large: { tool: "echo", args: { message: "x".repeat(MEGABYTE) } },
  };
}

export function planFilesystem(entry: ServerEntry, files: Files): Plan {
  const read = "read_text_file";
  return {
    entry,
    tools: [
      "create_directory",
      "directory_tree",
      "edit_file",
      "get_file_info",
      "list_allowed_directories",
      "list_directory",
      "list_directory_with_sizes",
      "move_file",
      "read_file",
      "read_media_file",
      "read_multiple_files",
      "read_text_file",
      "search_files",
      "write_file",
    ],
    ready: { tool: "list_allowed_directories", args: {}, answer: files.root },
    call: { tool: read, args: { path: files.greeting }, answer: "hello from a file" },
    cancel: (client) => ({ tool: read, args: { path: files.endless(client) } }),
    roots: { tool: "list_allowed_directories", args: {}, answer: files.root },
    many: (index) => ({ tool: read, args: { path: files.lines, head: index + 1 }, answer: `line ${index + 1}` }),
    large: { tool: read, args: { path: files.megabyte } },
  };
}

export function planMemory(entry: ServerEntry, files: Files): Plan {
  const entity = (name: string, observation: string) => ({ name, entityType: "test", observations: [observation] });
  const create = "create_entities";
  return {
    entry,
    tools: [
      "add_observations",
      "create_entities",
      "create_relations",
      "delete_entities",
      "delete_observations",
      "delete_relations",
      "open_nodes",
      "read_graph",
      "search_nodes",
    ],
    call: { tool: create, args: { entities: [entity("proxy", "passes bytes on")] }, answer: "passes bytes on" },
    cancel: (client) => ({
      tool: "search_nodes",
      args: { query: client },
      variables: { MEMORY_FILE_PATH: files.endless(`graph-${client}`) },
    }),
    resources: { uri: "memory://knowledge-graph", text: "entities" },
    updates: { uri: "memory://knowledge-graph", tool: create, args: { entities: [entity("update", "is told")] } },
    beforeMany: {
      tool: create,
      args: { entities: Array.from({ length: 50 }, (_, index) => entity(`node ${index}`, `node ${index} was seen`)) },
    },
    many: (index) => ({
      tool: "open_nodes",
      args: { names: [`node ${index}`] },
      answer: `node ${index} was seen`,
    }),
    large: { tool: create, args: { entities: [entity("large", "x".repeat(MEGABYTE))] } },
  };
}
