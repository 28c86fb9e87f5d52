import { describe, expect, test } from "bun:test";
import { parseForwarded, parseHop } from "../../src/guard/forwarded.ts";
import { cpuMsOf } from "../support/work.ts";

describe("parseForwarded", () => {
  test("reads the hops in order, with names in any case and other parameters passed over", () => {
    expect(
      parseForwarded(
        'For="[2001:db8::1]:4711";proto=https;by=203.0.113.43;host="a, b" , for=192.0.2.1 ; Proto=http,for=unknown',
      ),
    ).toEqual([
      { for: "[2001:db8::1]:4711", proto: "https" },
      { for: "192.0.2.1", proto: "http" },
      { for: "unknown", proto: undefined },
    ]);
  });

  test("takes the escapes out of a quoted string", () => {
    expect(parseForwarded('for="_a\\"b\\\\c"')).toEqual([{ for: '_a"b\\c', proto: undefined }]);
  });

  test.each([
    ...["", ",", ";", "for", "for=", "=a", "for=a,", "for=a;", ",for=a", 'for="a', "for=a b", "for=a;for=b", "for = a"],
    `for=${"a".repeat(2048)}`,
  ])("finds %j malformed", (field) => {
    expect(parseForwarded(field)).toBeUndefined();
  });

  test("reads as much as it allows in no time, whatever it holds", async () => {
    const work = await cpuMsOf(() => {
      for (const field of ["a=b;".repeat(512), `for="${"\\".repeat(2000)}`, " ".repeat(2048), `${"a".repeat(2047)}(`]) {
        parseForwarded(field);
      }
    });
    // Work that grows with the square of the field would be seconds, one that doubles with each character has no end.
    expect(work).toBeLessThan(5_000);
  });
});

describe("parseHop", () => {
  test.each(["192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:65535", "::1"])(
    "reads %s",
    (hop) => {
      expect(parseHop(hop)).toBeDefined();
    },
  );

  test.each([
    ...[
      "",
      "unknown",
      "_hidden",
      "192.0.2.1:",
      "192.0.2.1:x",
      "192.0.2.1:123456",
      "[192.0.2.1]",
      "[::1",
      "[::1]x",
      "[::1]:",
    ],
    ...["::1]", "mcp.example", "192.0.2.1 80", "[]"],
  ])("refuses %j", (hop) => {
    expect(parseHop(hop)).toBeUndefined();
  });
});
