import { pathToFileURL } from "node:url";
import { eventually } from "../support/eventually.ts";
import type { TestProxy } from "../support/proxy.ts";
import type { MatrixClient } from "./client.ts";
import { CONNECT } from "./clients.ts";
import { type Connection, LACKS, type Variant, WORKS } from "./features.ts";
import type { Files } from "./files.ts";
import type { Plan } from "./plan.ts";
import {
  CLIENTS,
  type ClientId,
  type Era,
  FEATURE_NAMES,
  type Feature,
  offers,
  SERVERS,
  type ServerId,
} from "./table.ts";

/** Connections that are tried at the same time: more would only wait for the processors. */
const LANES = 5;

/** What a client may set for its children: its name, so that no other client's requests reach them, and where its graph is kept. */
export const VARIABLES = ["MATRIX_CLIENT", "MEMORY_FILE_PATH"] as const;

export interface RunParts {
  readonly proxy: TestProxy;
  readonly files: Files;
  readonly plans: Readonly<Record<ServerId, Plan>>;
}

/** All cells of the matrix, being tried. */
export interface MatrixRun {
  /** The era in which the client is connected to the server. Rejects when it could not connect. */
  readonly era: (server: ServerId, client: ClientId) => Promise<Era | undefined>;
  /** Resolves when the cell holds, rejects with what is wrong. */
  readonly outcome: (server: ServerId, client: ClientId, feature: Feature) => Promise<void>;
  /** Resolves when everything has been tried. */
  readonly ended: Promise<void>;
}

/**
 * Begins to try the matrix: the features of a connection one after the other, several connections at once. The tests only ask for the
 * outcomes: one after the other they would leave the machine idle most of the time.
 */
export function createRun({ proxy, files, plans }: RunParts): MatrixRun {
  const eras = new Map<string, PromiseWithResolvers<Era | undefined>>();
  const outcomes = new Map<string, PromiseWithResolvers<void>>();
  const pairs = SERVERS.flatMap((server) => CLIENTS.map((client) => ({ server, client: client.id })));
  for (const { server, client } of pairs) {
    eras.set(keyOf(server.id, client), deferred());
    for (const feature of FEATURE_NAMES) outcomes.set(keyOf(server.id, client, feature), deferred());
  }

  const connect = (server: ServerId, client: ClientId, { variables = {}, isAskable = true }: Variant) => {
    const transport = client === "v1-sse" ? "sse" : "mcp";
    const all = { MATRIX_CLIENT: client, MEMORY_FILE_PATH: files.unused(client), ...variables };
    return CONNECT[client]({
      url: `${proxy.url}/${server}/${transport}`,
      headers: {
        Authorization: `Bearer ${proxy.secret}`,
        ...Object.fromEntries(Object.entries(all).map(([name, value]) => [`ENV_${name}`, value])),
      },
      root: isAskable ? pathToFileURL(files.root).href : undefined,
    });
  };

  const tryPair = async ({ server, client: id }: (typeof pairs)[number]) => {
    const connecting = connect(server.id, id, {}).then(async (client) => {
      await untilReady(client, plans[server.id]);
      return client;
    });
    settle(
      eras.get(keyOf(server.id, id)),
      connecting.then(({ era }) => era),
    );
    const client: MatrixClient | undefined = await connecting.catch(() => undefined);
    for (const feature of FEATURE_NAMES) {
      const check = async () => {
        const connection: Connection = {
          client: await connecting,
          name: `${server.id}-${id}`,
          plan: plans[server.id],
          taps: files.taps,
          another: (variant) => connect(server.id, id, variant),
        };
        const shown = offers(server, feature) ? WORKS[feature] : LACKS[feature];
        if (shown === undefined) throw new Error(`nothing shows that a server lacks ${feature}`);
        await shown(connection);
      };
      const checked = check();
      settle(outcomes.get(keyOf(server.id, id, feature)), checked);
      await checked.catch(() => {});
    }
    await client?.close();
  };

  const waiting = [...pairs];
  const lane = async () => {
    for (let pair = waiting.shift(); pair !== undefined; pair = waiting.shift()) await tryPair(pair);
  };
  const ended = Promise.all(Array.from({ length: LANES }, lane)).then(() => {});
  ended.catch(() => {});

  return {
    era: async (server, client) => eras.get(keyOf(server, client))?.promise,
    outcome: async (server, client, feature) => outcomes.get(keyOf(server, client, feature))?.promise,
    ended,
  };
}

async function untilReady(client: MatrixClient, { ready }: Plan): Promise<void> {
  if (ready === undefined) return;
  const { tool, args, answer } = ready;
  await eventually("the server to be ready", async () => (await client.call(tool, args)).includes(answer));
}

function keyOf(...parts: readonly string[]): string {
  return parts.join(" ");
}

/** A promise whose rejection may come before anybody waits for it. */
function deferred<T>(): PromiseWithResolvers<T> {
  const made = Promise.withResolvers<T>();
  made.promise.catch(() => {});
  return made;
}

function settle<T>(target: PromiseWithResolvers<T> | undefined, result: Promise<T>): void {
  result.then(target?.resolve, target?.reject);
}
