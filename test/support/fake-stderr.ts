import type { ChildStderr } from "../../src/process/child-stderr.ts";

/** The stderr of a child that says this. */
export function fakeStderr(words: () => string = () => ""): ChildStderr {
  return {
    spoke: new Promise(() => undefined),
    drained: () => Promise.resolve(),
    lastWords: () => words(),
    startWords: () => ({ stderr: words(), reason: undefined }),
    position: () => 0,
    divide: () => undefined,
    division: () => 0,
    stop: () => ({}),
  };
}
