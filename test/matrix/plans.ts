import { join } from "node:path";
import { proxyBinary } from "../support/binary.ts";
import { fixture, officialServer } from "../support/server-entry.ts";
import { ANSWERS } from "./client.ts";
import type { Files } from "./files.ts";
import { planEverything, planFilesystem, planMemory } from "./official-plans.ts";
import type { Plan } from "./plan.ts";
import type { ServerId } from "./table.ts";

const MEGABYTE = 1_000_000;
/** So long that nobody waits for it. */
const FOR_EVER_MS = 100_000;

/** How each server of the table runs, and how its features are tried. */
export function plansFor(files: Files): Readonly<Record<ServerId, Plan>> {
  return {
    everything: planEverything(officialServer("everything"), files),
    filesystem: planFilesystem(officialServer("filesystem", [files.configured]), files),
    memory: planMemory(officialServer("memory"), files),
    modern: planModern(files),
    demo: DEMO,
  };
}

function planModern(files: Files): Plan {
  return {
    entry: fixture(join("matrix-modern", "server")),
    tools: ["ask-user", "ask-model", "ask-roots", "echo", "steps", "letters", "note"],
    call: { tool: "echo", args: { message: "größe 🎉" }, answer: "größe 🎉" },
    progress: { tool: "steps", args: { count: 5, stepMs: 50 }, steps: 5, answer: "5 steps" },
    logs: { tool: "steps", args: { count: 2, stepMs: 10 }, text: /^step 2$/ },
    cancel: (client) => ({ tool: "steps", args: { count: 1, stepMs: FOR_EVER_MS + numberOf(client) } }),
    elicitation: { tool: "ask-user", args: {}, answer: `accept: {"name":"${ANSWERS.user}"}` },
    sampling: { tool: "ask-model", args: {}, answer: ANSWERS.model },
    roots: { tool: "ask-roots", args: {}, answer: `file://${files.root}` },
    completion: { prompt: "paint", argument: "colour", begun: "gr", values: ["green", "grey"] },
    prompts: { name: "paint", args: { colour: "green" }, text: "Paint it green." },
    resources: { uri: "matrix://notes", text: "Notes:" },
    updates: { uri: "matrix://notes", tool: "note", args: { note: "one" } },
    many: (index) => ({ tool: "echo", args: { message: `message ${index}.` }, answer: `message ${index}.` }),
    large: { tool: "letters", args: { count: MEGABYTE } },
  };
}

const DEMO: Plan = {
  entry: { command: proxyBinary(), args: ["demo"] },
  tools: ["echo", "add", "slow", "env"],
  call: { tool: "add", args: { a: 2, b: 40 }, answer: "42" },
  progress: { tool: "slow", args: { durationMs: 250, steps: 5 }, steps: 5, answer: "in 5 steps" },
  logs: { tool: "slow", args: { durationMs: 10, steps: 2 }, text: /^Step 2 of 2$/ },
  cancel: (client) => ({ tool: "slow", args: { durationMs: FOR_EVER_MS + numberOf(client), steps: 1 } }),
  prompts: { name: "greeting", args: { name: "Ada" }, text: "Greet Ada" },
  resources: { uri: "demo://about", text: "The demo server" },
  updates: { uri: "demo://calls", tool: "echo", args: { message: "one" } },
  many: (index) => ({ tool: "echo", args: { message: `message ${index}.` }, answer: `message ${index}.` }),
  large: { tool: "echo", args: { message: "x".repeat(MEGABYTE) } },
};

/** Another number for every client, so that their calls can be told apart. */
function numberOf(client: string): number {
  return Bun.hash.crc32(client) % 10_000;
}
