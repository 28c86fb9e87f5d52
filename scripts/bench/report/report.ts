import { cpus, loadavg, release } from "node:os";
import { GATEWAYS, type GatewayName, versionOf } from "../gateways/gateways.ts";
import { FIGURE_KEYS, FIGURES } from "./figures.ts";
import { type PartName, participants } from "./parts.ts";
import type { Results } from "./results.ts";
import { tableLines } from "./table.ts";
import { targetOutcomes } from "./targets.ts";

/** What was found of the gateways in one part. */
export interface PartReport {
  readonly results: Results;
  readonly leftBehind: ReadonlyMap<GatewayName, number>;
}

export interface ReportInput {
  /** In the order of the report. */
  readonly parts: ReadonlyMap<PartName, PartReport>;
  readonly names: readonly GatewayName[];
  readonly quick: boolean;
  readonly seconds: number;
}

/** The report as Markdown: a table for each part, how the promises fare, and what to know about it. */
export function markdown(input: ReportInput): string {
  const { parts, names, quick, seconds } = input;
  const tables = [...parts].flatMap(([part, { results, leftBehind }]) => [
    ...tableLines({ part, results, names: participants(part, names) }),
    ...[...leftBehind].map(([name, count]) => `- ${name} left ${count} processes running when it ended`),
    "",
  ]);
  return [
    ...tables,
    ...targetOutcomes(resultsOf(input)).map(
      ({ title, value, met }) => `- ${verdict(met)}: ${title} (${value?.toFixed(2) ?? "n/a"})`,
    ),
    "",
    `${machineLine()}; ${quick ? "quick run, " : ""}${Math.round(seconds)} s; ${new Date().toISOString()}`,
  ].join("\n");
}

/** The report as plain data, with every sample. */
export function json(input: ReportInput): object {
  const { parts, names, quick, seconds } = input;
  const perPart = [...parts].map(([part, { results, leftBehind }]) => [
    part,
    {
      figures: Object.fromEntries(participants(part, names).map((name) => [name, figuresOf(results, name)])),
      ratios: Object.fromEntries(
        GATEWAYS.filter((name) => name !== "ours").map((other) => [other, ratiosOf(results, other)]),
      ),
      leftBehind: Object.fromEntries(leftBehind),
    },
  ]);
  return {
    at: new Date().toISOString(),
    machine: machineLine(),
    quick,
    seconds,
    kinds: FIGURES,
    versions: Object.fromEntries(names.map((name) => [name, versionOf(name)])),
    parts: Object.fromEntries(perPart),
    targets: targetOutcomes(resultsOf(input)),
  };
}

function figuresOf(results: Results, name: GatewayName): object {
  const figures = FIGURE_KEYS.map((key) => [
    key,
    {
      value: results.value(name, key) ?? null,
      samples: results.samples(name, key),
      reason: results.reason(name, key) ?? null,
    },
  ]);
  return Object.fromEntries(figures);
}

function ratiosOf(results: Results, other: GatewayName): object {
  return Object.fromEntries(FIGURE_KEYS.map((key) => [key, results.ratio("ours", other, key) ?? null]));
}

function resultsOf({ parts }: ReportInput): ReadonlyMap<PartName, Results> {
  return new Map([...parts].map(([part, { results }]) => [part, results]));
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return "not measured";
  return met ? "met" : "MISSED";
}

function machineLine(): string {
  const [first] = cpus();
  const load = loadavg().map((value) => value.toFixed(1));
  return `${cpus().length} × ${first?.model ?? "unknown CPU"}, Linux ${release()}, Bun ${Bun.version}, load ${load.join(" ")}`;
}
