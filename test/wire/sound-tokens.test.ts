import { describe, expect, test } from "bun:test";
import { withSoundTokens } from "../../src/wire/sound-tokens.ts";

const sound = (text: string) => withSoundTokens(Buffer.from(text)).bytes.toString();

describe("tokens that JSON has not", () => {
  test.each([
    ['{"a":NaN,"b":[Infinity,-Infinity]}', '{"a":null,"b":[null,null]}'],
    ['{"a":"NaN \\" Infinity",}', '{"a":"NaN \\" Infinity"}'],
    ["[1, 2 , ]", "[1, 2  ]"],
    ['{"a":"line\none\ttwo"}', '{"a":"line\\u000aone\\u0009two"}'],
  ])("become what they mean: %s", (text, made) => {
    expect(sound(text)).toBe(made);
  });

  test.each(['{"a":[1,2.0e5,-3],"b":"é\\n"}', "{'a': None}", "no JSON, at all", "{", '"'])("%s stays", (text) => {
    const bytes = Buffer.from(text);
    expect(withSoundTokens(bytes)).toEqual({ bytes, repairs: [] });
  });

  test("of which there are too many are left alone: that is no message", () => {
    const bytes = Buffer.from(`{"a":"${"\u0001".repeat(20_000)}"}`);
    expect(withSoundTokens(bytes).bytes).toBe(bytes);
  });
});
