import { describe, test } from "bun:test";

type Register = (title: string, body: (() => void) | (() => Promise<unknown>)) => void;

/** `test` where it can be run; elsewhere it is skipped, and its title says why: scripts/test lists what was skipped. */
export function testWhen(isPossible: boolean, otherwise: string): Register {
  return (title, body) => (isPossible ? test(title, body) : test.skip(skipped(title, otherwise), body));
}

/** `describe` for tests that are all skipped where they cannot be run. */
export function describeWhen(isPossible: boolean, otherwise: string): (title: string, body: () => void) => void {
  if (isPossible) return describe;
  return (title) =>
    describe(title, () => {
      test.skip(skipped("all of it", otherwise), () => {});
    });
}

function skipped(title: string, reason: string): string {
  return `${title} [skipped: ${reason}]`;
}
