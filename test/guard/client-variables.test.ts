import { describe, expect, test } from "bun:test";
import { type ClientVariables, readClientVariables } from "../../src/guard/client-variables.ts";
import type { ClientVariableRule } from "../../src/process/server.ts";

const ANY: ClientVariableRule = { required: false, pattern: undefined, maxLength: 8192 };

function declare(...entries: [string, Partial<ClientVariableRule>?][]): ReadonlyMap<string, ClientVariableRule> {
  return new Map(entries.map(([name, rule]) => [name, { ...ANY, ...rule }]));
}

function read(headers: Record<string, string>, policy: Parameters<typeof readClientVariables>[1]): ClientVariables {
  return readClientVariables(new Headers(headers), policy);
}

function variablesOf(result: ClientVariables): Record<string, string> | string {
  return result.ok ? Object.fromEntries(result.variables) : result.message;
}

function codeOf(result: ClientVariables): string {
  return result.ok ? "ok" : result.code;
}

function messageOf(result: ClientVariables): string {
  return result.ok ? "" : result.message;
}

/** The value as Bun delivers UTF-8 text: one character a byte. */
function onTheWire(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

describe("readClientVariables with declared names", () => {
  test("takes a declared variable in either spelling", () => {
    const policy = declare(["GITHUB_TOKEN"], ["TEAM_ID"]);
    expect(variablesOf(read({ ENV_GITHUB_TOKEN: "a", "Env-Team-Id": "b" }, policy))).toEqual({
      GITHUB_TOKEN: "a",
      TEAM_ID: "b",
    });
  });

  test("passes over headers that are not client variables", () => {
    expect(variablesOf(read({ authorization: "Bearer x", environment: "prod", "env-": "y" }, declare()))).toEqual({});
  });

  test("refuses both spellings of one name", () => {
    const result = read({ env_team_id: "a", "env-team-id": "a" }, declare(["TEAM_ID"]));
    expect(codeOf(result)).toBe("bad_header");
    expect(messageOf(result)).toContain("TEAM_ID");
  });

  test("refuses an undeclared name and says what the operator can add", () => {
    const result = read({ ENV_OTHER: "hunter2" }, declare(["GITHUB_TOKEN"]));
    expect(codeOf(result)).toBe("client_variable_refused");
    expect(messageOf(result)).toContain('"clientEnv": ["OTHER"]');
    expect(messageOf(result)).not.toContain("hunter2");
  });

  test("refuses an undeclared variable that runs code without suggesting to declare it", () => {
    const result = read({ ENV_NODE_OPTIONS: "--import=data:," }, declare());
    expect(codeOf(result)).toBe("client_variable_refused");
    expect(messageOf(result)).toContain("NODE_OPTIONS");
    expect(messageOf(result)).not.toContain("clientEnv");
  });

  test("takes a denied name that the operator has declared all the same", () => {
    expect(variablesOf(read({ ENV_DOCKER_HOST: "tcp://x" }, declare(["DOCKER_HOST"])))).toEqual({
      DOCKER_HOST: "tcp://x",
    });
  });

  test.each(["env_", "env_1a", "env_f%%", "env_a-b"])("refuses the malformed name %s", (header) => {
    const result = read({ [header]: "v" }, declare());
    expect(codeOf(result)).toBe("bad_header");
    expect(messageOf(result)).toContain(header);
  });

  test("asks for every required variable that is missing or empty", () => {
    const policy = declare(["A", { required: true }], ["B", { required: true, pattern: /b+/ }], ["C"]);
    const result = read({ ENV_B: "" }, policy);
    expect(codeOf(result)).toBe("client_variable_missing");
    expect(messageOf(result)).toBe("This server needs the headers ENV_A, ENV_B.");
    expect(variablesOf(read({ ENV_A: "x", ENV_B: "b" }, policy))).toEqual({ A: "x", B: "b" });
  });

  test("keeps the empty value of an optional variable", () => {
    expect(variablesOf(read({ ENV_C: "" }, declare(["C"])))).toEqual({ C: "" });
  });

  test("holds the whole value to the pattern, anchored or not, and never quotes the value", () => {
    const policy = declare(["A", { pattern: /a|ab/g }]);
    for (const value of ["a", "ab", "a"]) expect(variablesOf(read({ ENV_A: value }, policy))).toEqual({ A: value });
    for (const value of ["xab", "abx", "a\tb"]) {
      const result = read({ ENV_A: value }, policy);
      expect(codeOf(result)).toBe("client_variable_refused");
      expect(messageOf(result)).not.toContain(value);
    }
  });

  test("a pattern without a comma refuses one name sent twice, which Headers joins", () => {
    const headers = new Headers();
    headers.append("ENV_A", "tokenone");
    headers.append("ENV_A", "tokentwo");
    expect(codeOf(readClientVariables(headers, declare(["A", { pattern: /\w+/ }])))).toBe("client_variable_refused");
  });

  test("holds the value to maxLength, in characters", () => {
    const policy = declare(["A", { maxLength: 3 }]);
    expect(variablesOf(read({ ENV_A: onTheWire("ééé") }, policy))).toEqual({ A: "ééé" });
    expect(codeOf(read({ ENV_A: "abcd" }, policy))).toBe("client_variable_refused");
  });
});

describe('readClientVariables with "*"', () => {
  test("takes any name that is not denied", () => {
    expect(variablesOf(read({ ENV_ANYTHING: "v" }, "*"))).toEqual({ ANYTHING: "v" });
  });

  test.each(["ENV_NODE_OPTIONS", "Env-Npm-Config-Registry", "ENV_LD_PRELOAD", "ENV_HTTP_PROXY", "ENV_MAXIM_SECRET"])(
    "refuses %s",
    (header) => {
      expect(codeOf(read({ [header]: "v" }, "*"))).toBe("client_variable_refused");
    },
  );

  test("bounds the number of variables", () => {
    const some = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`ENV_V${index}`, "v"]));
    expect(codeOf(read(some, "*"))).toBe("ok");
    expect(codeOf(read({ ...some, ENV_W: "v" }, "*"))).toBe("bad_header");
  });
});

describe("values", () => {
  test("decodes UTF-8 that arrived as Latin-1", () => {
    expect(variablesOf(read({ ENV_A: onTheWire("naïve → 😀") }, "*"))).toEqual({ A: "naïve → 😀" });
  });

  test("H2: refuses a value over 8 KiB, counted in bytes", () => {
    expect(codeOf(read({ ENV_A: "v".repeat(8192) }, "*"))).toBe("ok");
    expect(codeOf(read({ ENV_A: "v".repeat(8193) }, "*"))).toBe("client_variable_refused");
    expect(codeOf(read({ ENV_A: onTheWire("é".repeat(4097)) }, "*"))).toBe("client_variable_refused");
  });

  test.each([
    ["the beginning of an exported shell function", "() { :; }; echo"],
    ["a tab", "a\tb"],
    ["a control character", "a\x01b"],
    ["DEL", "a\x7fb"],
    ["a C1 control character", onTheWire("a\u0085b")],
    ["Latin-1 that is not UTF-8", "caf\xe9"],
    ["a truncated UTF-8 sequence", onTheWire("é").slice(0, 1)],
    ["an encoded surrogate", "\xed\xa0\x80"],
  ])("refuses %s, without quoting it", (_, value) => {
    const result = read({ ENV_SECRET: value }, "*");
    expect(codeOf(result)).toBe("client_variable_refused");
    expect(messageOf(result)).not.toContain(value);
  });

  test("arrive from a socket as they were sent", async () => {
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => Response.json(variablesOf(readClientVariables(request.headers, "*"))),
    });
    const answer = await exchange(server.port ?? 0, "ENV_A: grün\r\nEnv-B-C: 1\r\n");
    expect(answer).toContain('{"B_C":"1","A":"grün"}');
  });
});

/** Sends a GET whose head holds these very bytes: fetch would encode them in its own way. */
async function exchange(port: number, fields: string): Promise<string> {
  const chunks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => {
        socket.write(Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`));
      },
      data: (_, chunk) => {
        chunks.push(Buffer.from(chunk));
      },
      close: () => resolve(),
    },
  });
  await promise;
  return Buffer.concat(chunks).toString();
}
