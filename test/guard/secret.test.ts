import { describe, expect, test } from "bun:test";
import { createSecretCheck, parseBearer, presentedToken } from "../../src/guard/secret.ts";

const SECRET = "0123456789abcdef0123456789abcdef";

describe("createSecretCheck", () => {
  const check = createSecretCheck(SECRET);

  test("passes the secret and nothing else", () => {
    expect(check(SECRET)).toBe(true);
    expect(check(SECRET.replace("f", "g"))).toBe(false);
    expect(check(SECRET)).toBe(true);
  });

  test.each(["", "0", SECRET.slice(0, -1), `${SECRET}0`, SECRET.toUpperCase(), SECRET.repeat(500)])(
    "A2: refuses a guess of any length: %#",
    (guess) => {
      expect(check(guess)).toBe(false);
    },
  );

  test("two checks don't share what they compare with", () => {
    const other = createSecretCheck("another-secret");
    expect(other("another-secret")).toBe(true);
    expect(check("another-secret")).toBe(false);
    expect(check(SECRET)).toBe(true);
  });

  test.each(["", "with space", "p\u00e4ssword", "tab\there"])(
    "refuses to guard with %j, which nobody can send",
    (secret) => {
      expect(() => createSecretCheck(secret)).toThrow(TypeError);
    },
  );
});

describe("parseBearer", () => {
  test.each([
    ["Bearer abc", "abc"],
    ["bearer abc", "abc"],
    ["BEARER a-._~+/9==", "a-._~+/9=="],
    ["Bearer S3cr3t!#$%,x=y", "S3cr3t!#$%,x=y"],
  ])("A3: reads %s", (header, token) => {
    expect(parseBearer(header)).toEqual({ kind: "token", token });
  });

  test("tells an absent header apart", () => {
    expect(parseBearer(null)).toEqual({ kind: "absent" });
  });

  test.each([
    ...[
      "",
      "Bearer",
      "Bearer ",
      "Bearer  x",
      "Bearer\tx",
      "Bearer x ",
      " Bearer x",
      "Bearer x y",
      "Bearer x, Bearer x",
    ],
    ...["Basic x", "Bearer\u00a0x", "Bearer x\n", "Bearer x\u00e9", "Bearerx", "x"],
  ])("A3: finds %j malformed", (header) => {
    expect(parseBearer(header)).toEqual({ kind: "malformed" });
  });
});

describe("presentedToken", () => {
  const presented = (headers: Record<string, string>) => presentedToken(new Headers(headers));

  test("takes X-Api-Key where there is no Authorization, and only there", () => {
    expect(presented({ "x-api-key": "abc" })).toEqual({ kind: "token", token: "abc" });
    expect(presented({ authorization: "Bearer def", "x-api-key": "abc" })).toEqual({ kind: "token", token: "def" });
    expect(presented({ authorization: "Basic def", "x-api-key": "abc" }).kind).toBe("malformed");
    expect(presented({}).kind).toBe("absent");
  });

  test("A3: takes no key with white space, as two headers joined have it", () => {
    for (const key of ["abc def", "abc, abc", ""]) expect(presented({ "x-api-key": key }).kind).toBe("malformed");
  });
});
