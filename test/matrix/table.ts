/** What is promised of every client with every server: the source of the matrix test and of the table in docs/eras.md. */

/** The features, in the order in which they are tried, with the words of the table. */
export const FEATURES = {
  list: "list of tools",
  call: "tool call",
  progress: "progress",
  logs: "log messages",
  cancel: "cancellation",
  elicitation: "elicitation",
  sampling: "sampling",
  roots: "roots",
  completion: "completion",
  prompts: "prompts",
  resources: "resources",
  updates: "subscription and update",
  many: "50 calls at once",
  large: "result of 1 MB",
} as const;

export type Feature = keyof typeof FEATURES;

export const FEATURE_NAMES: readonly Feature[] = Object.keys(FEATURES).filter(isFeature);

function isFeature(name: string): name is Feature {
  return name in FEATURES;
}

/** `legacy`: initialize handshake, up to 2025-11-25. `modern`: 2026-07-28. */
export type Era = "legacy" | "modern";

export const CLIENTS = [
  { id: "v1-sse", title: "SDK v1 over HTTP+SSE", era: "legacy" },
  { id: "v1-http", title: "SDK v1 over Streamable HTTP", era: "legacy" },
  { id: "v2-auto", title: "SDK v2, which finds the revision out", era: "modern" },
  { id: "v2-modern", title: "SDK v2, pinned to 2026-07-28", era: "modern" },
  { id: "v2-legacy", title: "SDK v2, pinned to the revisions before", era: "legacy" },
] as const satisfies readonly { readonly id: string; readonly title: string; readonly era: Era }[];

export type ClientId = (typeof CLIENTS)[number]["id"];

/** A server, the eras that it speaks over stdio, and what it does not have to offer, whoever the client is. */
interface ServerColumn {
  readonly id: string;
  readonly title: string;
  readonly eras: readonly Era[];
  readonly lacks: readonly Feature[];
}

export const SERVERS = [
  { id: "everything", title: "server-everything", eras: ["legacy"], lacks: [] },
  {
    id: "filesystem",
    title: "server-filesystem",
    eras: ["legacy"],
    lacks: ["progress", "logs", "elicitation", "sampling", "completion", "prompts", "resources", "updates"],
  },
  {
    id: "memory",
    title: "server-memory",
    eras: ["legacy"],
    lacks: ["progress", "logs", "elicitation", "sampling", "roots", "completion", "prompts"],
  },
  { id: "modern", title: "an SDK v2 server of 2026-07-28 alone", eras: ["modern"], lacks: [] },
  {
    id: "demo",
    title: "the built-in demo",
    eras: ["legacy", "modern"],
    lacks: ["elicitation", "sampling", "roots", "completion"],
  },
] as const satisfies readonly ServerColumn[];

export type ServerId = (typeof SERVERS)[number]["id"];

/** Whether the server has it at all. */
export function offers(server: ServerColumn, feature: Feature): boolean {
  return !server.lacks.includes(feature);
}

const ERA_TITLES: Readonly<Record<Era, string>> = { legacy: "up to 2025-11-25", modern: "2026-07-28" };

/** What the check mark of the many calls does not say. */
const MANY_NOTE =
  "The 50 calls at once of a client of 2026-07-28 share one process where the client declares no elicitation, sampling or roots. " +
  "One that declares them has a process of a legacy server to itself for each call, 8 at a time.";

/** The matrix as Markdown: a table of features and servers, and the clients for each of which every cell of it was tried. */
export function matrixMarkdown(): string {
  const columns: readonly ServerColumn[] = SERVERS;
  const eras = columns.map((server) => server.eras.map((era) => ERA_TITLES[era]).join(", "));
  const rows = FEATURE_NAMES.map((feature) => [
    FEATURES[feature],
    ...columns.map((server) => (offers(server, feature) ? "✓" : "–")),
  ]);
  return [
    line(["", ...columns.map(({ title }) => title)]),
    line(["---", ...columns.map(() => ":-:")]),
    line(["speaks", ...eras]),
    ...rows.map(line),
    "",
    "✓ works with each of these clients, – the server has no such feature:",
    "",
    ...CLIENTS.map(({ title, era }) => `- ${title} (${ERA_TITLES[era]})`),
    "",
    MANY_NOTE,
    "",
  ].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
