import type { Read } from "./reader.ts";
import type { AnySetting, Setting } from "./setting.ts";

/** The values of a tree of settings: each group an object, each setting the type of its kind. */
export type ValuesOf<T> = {
  readonly [Name in keyof T]: T[Name] extends Setting<infer Value> ? Value : ValuesOf<T[Name]>;
};

/** Reads each setting of a tree; the values stand where their settings do. */
export function readTree<T extends object>(tree: T, read: Read): ValuesOf<T> {
  const values = Object.entries(tree).map(([name, node]: [string, object]) => [
    name,
    isSetting(node) ? read(node) : readTree(node, read),
  ]);
  return Object.fromEntries(values) as ValuesOf<T>;
}

/** All settings of a tree, in its order. */
export function settingsOf(tree: object): readonly AnySetting[] {
  return Object.values(tree).flatMap((node: object) => (isSetting(node) ? [node] : settingsOf(node)));
}

function isSetting(node: object): node is Setting<unknown> {
  return "kind" in node && "environment" in node;
}
