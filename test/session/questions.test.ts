import { describe, expect, test } from "bun:test";
import { createQuestions } from "../../src/session/questions.ts";

const question = (id: string, method = "roots/list") => ({ id, rawId: id, method });

describe("a question", () => {
  test("is open until it is answered, once, also under an id that is text for a number or the other way round", () => {
    const questions = createQuestions({ userMs: 0, requestMs: 0 });
    for (const [id, answeredAs] of [
      ["1", "1"],
      ["2", '"2"'],
      ['"3"', "3"],
    ] as const) {
      questions.add(question(id), 0);
      expect(questions.isOpen()).toBe(true);
      expect(questions.take(answeredAs)?.id).toBe(id);
      expect(questions.take(id)).toBeUndefined();
      expect(questions.isOpen()).toBe(false);
    }
  });

  test("that a program answers has a short limit, one for somebody to think about that of parked calls", () => {
    const questions = createQuestions({ userMs: 300_000, requestMs: 180_000 });
    expect(questions.add(question("1"), 1_000)).toBe(31_000);
    expect(questions.add(question("2", "elicitation/create"), 1_000)).toBe(301_000);
    expect(questions.add(question("3", "sampling/createMessage"), 1_000)).toBe(301_000);
    expect(questions.nextDue()).toBe(31_000);
    expect(questions.expire(30_999)).toEqual([]);
    expect(questions.expire(31_000)).toEqual([question("1")]);
    expect(questions.nextDue()).toBe(301_000);
  });

  test("never stays open for longer than a request may, and for ever only where that is wanted", () => {
    expect(createQuestions({ userMs: 0, requestMs: 2_000 }).add(question("1"), 0)).toBe(2_000);
    expect(createQuestions({ userMs: 0, requestMs: 0 }).add(question("1", "elicitation/create"), 0)).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  test("like a ping stops nothing, and has an end all the same", () => {
    const questions = createQuestions({ userMs: 0, requestMs: 0 });
    questions.add(question("1", "ping"), 0);
    expect(questions.isOpen()).toBe(false);
    expect(questions.expire(30_000).map(({ method }) => method)).toEqual(["ping"]);
  });

  test("is not taken when there are too many", () => {
    const questions = createQuestions({ userMs: 0, requestMs: 0 });
    for (let id = 0; id < 256; id++) expect(questions.add(question(String(id)), 0)).toBeDefined();
    expect(questions.add(question("over"), 0)).toBeUndefined();
  });
});
