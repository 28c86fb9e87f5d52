import { expect } from "bun:test";
import { eventually, within } from "../support/eventually.ts";
import type { MatrixClient } from "./client.ts";
import type { Plan, ToolCall } from "./plan.ts";
import type { Feature } from "./table.ts";
import { callGiven, isCancelled, isTold } from "./tap.ts";

const MANY = 50;
/** As many as a stateless caller may have children of its own at a time. */
const FEW = 8;
const MEGABYTE = 1_000_000;

/** One client's connection to one server. */
export interface Connection {
  readonly client: MatrixClient;
  /** Unlike that of any other connection. */
  readonly name: string;
  readonly plan: Plan;
  /** Where what the server's children are given is written down. */
  readonly taps: string;
  /** One more connection of the same kind. */
  readonly another: (variant: Variant) => Promise<MatrixClient>;
}

/** How a second connection differs from the first one. */
export interface Variant {
  /** Other values of the client's variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether the client can be asked for something; it can, unless this says otherwise. */
  readonly isAskable?: boolean;
}

type Check = (connection: Connection) => Promise<void>;

/** Tries each feature where the server has it. */
export const WORKS: Readonly<Record<Feature, Check>> = {
  list: async ({ client, plan }) => expect([...(await client.toolNames())].sort()).toEqual([...plan.tools].sort()),
  call: ({ client, plan }) => expectAnswer(client, plan.call),
  progress: checkProgress,
  logs: async ({ client, plan }) => {
    const { text, ...call } = planned(plan.logs);
    const before = client.logged.length;
    await client.call(call.tool, call.args, { isLogged: true });
    await eventually("the log message", () => client.logged.slice(before).some((data) => text.test(data)));
  },
  cancel: checkCancel,
  elicitation: ({ client, plan }) => expectAnswer(client, planned(plan.elicitation)),
  sampling: ({ client, plan }) => expectAnswer(client, planned(plan.sampling)),
  roots: ({ client, plan }) => expectAnswer(client, planned(plan.roots)),
  completion: async ({ client, plan }) => {
    const { prompt, argument, begun, values } = planned(plan.completion);
    expect(await client.complete(prompt, argument, begun)).toEqual([...values]);
  },
  prompts: async ({ client, plan }) => {
    const { name, args, text } = planned(plan.prompts);
    expect(await client.promptNames()).toContain(name);
    expect(await client.prompt(name, args)).toContain(text);
  },
  resources: async ({ client, plan }) => {
    const { uri, text } = planned(plan.resources);
    expect(await client.resourceUris()).toContain(uri);
    expect(await client.read(uri)).toContain(text);
  },
  updates: async ({ client, plan }) => {
    const { uri, tool, args } = planned(plan.updates);
    const subscription = await client.subscribe(uri);
    const before = client.updated.length;
    await client.call(tool, args);
    await eventually("the update", () => client.updated.slice(before).includes(uri));
    await subscription.end();
  },
  many: checkMany,
  large: async ({ client, plan }) => {
    const text = await client.call(plan.large.tool, plan.large.args);
    expect(text.match(/x+/g)?.some((letters) => letters.length === MEGABYTE)).toBe(true);
  },
};

/** Shows that the server has no such feature: it declares none, or does nothing of the kind while it is used. */
export const LACKS: Readonly<Partial<Record<Feature, Check>>> = {
  progress: async ({ client, plan }) => {
    const from = client.received.length;
    await client.call(plan.call.tool, plan.call.args, { onProgress: () => {} });
    expect(reportsSince(client, from)).toEqual([]);
  },
  logs: async ({ client }) => expect(client.capabilities()).not.toHaveProperty("logging"),
  elicitation: async ({ client }) => expect(client.asked).not.toContain("elicitation"),
  sampling: async ({ client }) => expect(client.asked).not.toContain("sampling"),
  roots: async ({ client }) => expect(client.asked).not.toContain("roots"),
  completion: async ({ client }) => expect(client.capabilities()).not.toHaveProperty("completions"),
  prompts: async ({ client }) => expect(client.capabilities()).not.toHaveProperty("prompts"),
  resources: async ({ client }) => expect(client.capabilities()).not.toHaveProperty("resources"),
  updates: async ({ client }) => expect(client.capabilities()).not.toHaveProperty("resources.subscribe"),
};

/**
 * Reports that come in one breath with the answer may find that the client has forgotten their handler at the answer, so it is the
 * transport that tells whether each of them came.
 */
async function checkProgress({ client, plan }: Connection): Promise<void> {
  const { tool, args, steps, answer } = planned(plan.progress);
  const from = client.received.length;
  const handled: number[] = [];
  const text = await client.call(tool, args, { onProgress: (progress) => void handled.push(progress) });
  expect(text).toContain(answer);
  const all = Array.from({ length: steps }, (_, index) => index + 1);
  expect(reportsSince(client, from)).toEqual(all);
  // SDK v2 also reports each round of input requests there, and server-everything asks for roots whenever it likes.
  expect(all.some((step) => handled.includes(step))).toBe(true);
  const kinds = client.received.slice(from).map(({ method, id }) => method ?? (id === undefined ? "" : "answer"));
  expect(kinds.lastIndexOf("notifications/progress")).toBeLessThan(kinds.lastIndexOf("answer"));
}

/** Cancels a call once a child has it, and waits until that child has been told. */
async function checkCancel({ client: main, name, plan, taps, another }: Connection): Promise<void> {
  const { tool, args, variables } = plan.cancel(name);
  const client = variables === undefined ? main : await another({ variables });
  try {
    const abort = new AbortController();
    const call = client.call(tool, args, { signal: abort.signal });
    call.catch(() => {});
    const given = await eventually("the call in a child", () => callGiven(taps, tool, args));
    const { told } = plan;
    if (told !== undefined) await eventually("the child's own question to be answered", () => isTold(given, told));
    abort.abort(new Error("no longer wanted"));
    await expect(within("the end of the call", call)).rejects.toThrow("no longer wanted");
    await eventually("the cancellation in the child", () => isCancelled(given));
  } finally {
    if (client !== main) await client.close();
  }
}

/**
 * A stateless client that can be asked has a child of a legacy server to itself for each call, so the many calls are those of a client
 * that cannot; the other one makes as many as have room.
 */
async function checkMany({ client, plan, another }: Connection): Promise<void> {
  if (plan.beforeMany !== undefined) await client.call(plan.beforeMany.tool, plan.beforeMany.args);
  if (client.era === "legacy") return expectAnswers(client, plan, MANY);
  await expectAnswers(client, plan, FEW);
  const plain = await another({ isAskable: false });
  await expectAnswers(plain, plan, MANY);
  await plain.close();
}

async function expectAnswers(client: MatrixClient, plan: Plan, count: number): Promise<void> {
  const calls = Array.from({ length: count }, (_, index) => plan.many(index));
  const answers = Promise.all(calls.map(({ tool, args }) => client.call(tool, args)));
  const texts = await within(`${count} answers`, answers);
  for (const [index, { answer }] of calls.entries()) expect(texts[index]).toContain(answer);
}

async function expectAnswer(client: MatrixClient, { tool, args, answer }: ToolCall & { readonly answer: string }) {
  expect(await client.call(tool, args)).toContain(answer);
}

function reportsSince(client: MatrixClient, from: number): readonly unknown[] {
  const isReport = ({ method }: { readonly method?: string }) => method === "notifications/progress";
  return client.received
    .slice(from)
    .filter(isReport)
    .map(({ params }) => params?.["progress"]);
}

function planned<T>(part: T | undefined): T {
  if (part === undefined)
    throw new Error("the table says that the server has this feature, and its plan does not try it");
  return part;
}
