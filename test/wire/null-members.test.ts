import { describe, expect, test } from "bun:test";
import { withoutNullMembers } from "../../src/wire/null-members.ts";

const tidy = (text: string) => withoutNullMembers(Buffer.from(text)).toString();

describe("members that are null", () => {
  test.each([
    ['{"id":1,"result":null,"error":{"code":1}}', '{"id":1,"error":{"code":1}}'],
    ['{"id":1,"result":{"error":null},"error":null}', '{"id":1,"result":{"error":null}}'],
    ['{"id":1,"method":null,"params":null,"result":{},"error":null}', '{"id":1,"result":{}}'],
    ['{"id":1,"result":null,"error":null}', '{"id":1,"result":null}'],
    ['{"id":1,"method":"x","params":null,"result":null,"error":null}', '{"id":1,"method":"x"}'],
    ['{"id":null,"method":"notifications/initialized"}', '{"method":"notifications/initialized"}'],
    [' { "id" : 1 , "error" : null , "result" : 1.0 } ', ' { "id" : 1 , "result" : 1.0 } '],
    ['{"\\u0065rror":null,"result":1e400}', '{"result":1e400}'],
  ])("of %s go where they mean nothing, and all else stays", (text, left) => {
    expect(tidy(text)).toBe(left);
  });

  test.each([
    '{"id":1,"result":null}',
    '{"id":null,"error":{}}',
    '{"id":1,"error":null}',
    '{"id":null,"method":"ping"}',
    '{"id":1,"result":{},"error":{}}',
    '{"a":null}',
    "{}",
  ])("of %s stay", (text) => {
    const bytes = Buffer.from(text);
    expect(withoutNullMembers(bytes)).toBe(bytes);
  });
});
