import { describe, expect, test } from "bun:test";
import { Settings } from "typebox/system";
import { FileSchema } from "../../../src/config/file/schema.ts";
import { schemaFaults } from "../../../src/config/file/schema-faults.ts";

const faults = (content: unknown) =>
  Object.fromEntries(schemaFaults("f.json", FileSchema, content).map(({ where, problem }) => [where, problem]));

const server = (entry: unknown) => faults({ mcpServers: { a: entry } });

describe("the faults of a file", () => {
  test("are none when there are none", () => {
    expect(faults({})).toEqual({});
    expect(
      faults({
        $schema: "./mcp-sse-proxy.schema.json",
        listen: { host: "0.0.0.0", port: 0, basePath: "/mcp" },
        mcpServers: {
          a: {
            ...{ command: "x", args: ["y"], env: { A: "b" }, cwd: "/", isolation: "exclusive", warm: 0 },
            ...{ clientEnv: { TOKEN: { required: true, pattern: ".", maxLength: 5 } }, limits: { lineBytes: "1MB" } },
            timeouts: { idle: 0, start: "5m" },
          },
          demo: { builtin: "demo" },
        },
        allowedCommands: ["x y", { command: "z", clientEnv: "*" }],
      }),
    ).toEqual({});
  });

  test.each([[null], [[]], ["x"], [5]])("name the file alone when it holds %j in place of an object", (content) => {
    expect(Object.keys(faults(content))).toEqual(["f.json"]);
  });

  test("are all reported, each once, however many", () => {
    const entries = Array.from({ length: 200 }, (_, index) => [`s${index}`, { command: 5 }]);
    expect(Object.keys(faults({ mcpServers: Object.fromEntries(entries) }))).toHaveLength(200);
    expect(Settings.Get().maxErrors).toBe(8);
  });

  test("F1: name unknown keys and the one that was meant", () => {
    expect(faults({ listn: {}, limits: { session: 1 }, log: { colour: true } })).toEqual({
      "f.json: listn": "unknown key: did you mean listen?",
      "f.json: limits.session": "unknown key: did you mean sessions?",
      "f.json: log.colour": "unknown key: expected one of level, format",
    });
    expect(server({ command: "x", comand: "y" })).toEqual({
      "f.json: mcpServers.a.comand": "unknown key: did you mean command?",
    });
  });

  test.each(["__proto__", "constructor", "toString", "a\nb"])("do not overlook the key %j", (key) => {
    expect(Object.keys(faults(JSON.parse(`{${JSON.stringify(key)}: 1}`)))).toHaveLength(1);
    const nested = JSON.parse(`{"mcpServers": {${JSON.stringify(key)}: {"command": "x", "foo": 1}}}`);
    expect(Object.keys(faults(nested))).toEqual([expect.stringMatching(/\.foo$/)]);
  });

  test("quote a scalar that is wrong", () => {
    expect(faults({ listen: { port: "80" }, timeouts: { idle: 5 }, limits: { lineBytes: "4mb" } })).toEqual({
      "f.json: listen.port": 'expected a whole number from 0 to 65535, got "80"',
      "f.json: timeouts.idle": expect.stringMatching(/^expected 0 \(off\) or a whole number with a unit.*, got 5$/),
      "f.json: limits.lineBytes": expect.stringMatching(/^expected 0 \(off\).*, got "4mb"$/),
    });
  });

  test("never quote what stands under env or args", () => {
    const found = server({
      command: "x",
      args: [["s3cr3t"], { t: "s3cr3t" }],
      env: { A: { t: 31337 }, "B=s3": "x", C: ["s3cr3t"], D: null },
    });
    const word = "expected a text, a number, true or false";
    expect(found).toMatchObject({
      "f.json: mcpServers.a.args[0]": `${word}, got a list`,
      "f.json: mcpServers.a.args[1]": `${word}, got an object`,
      "f.json: mcpServers.a.env.A": `${word}, got an object`,
      "f.json: mcpServers.a.env.C": `${word}, got a list`,
      "f.json: mcpServers.a.env.D": `${word}, got nothing`,
    });
    expect(JSON.stringify(found)).not.toMatch(/31337|s3cr3t/);
    const list = faults({
      allowedCommands: [["npx", "s3cr3t"], { command: ["s3cr3t"] }],
      mcpServers: { a: { command: ["s3cr3t"] } },
    });
    expect(Object.keys(list)).toHaveLength(3);
    expect(JSON.stringify(list)).not.toContain("s3cr3t");
  });
});

describe("an entry", () => {
  test("needs exactly one of command and builtin", () => {
    const both = 'expected an object with either "command" or "builtin": "demo", got both';
    expect(server({})).toEqual({ "f.json: mcpServers.a": both.replace("both", "neither") });
    expect(server({ command: "x", builtin: "demo" })).toEqual({ "f.json: mcpServers.a": both });
    expect(server(5)).toEqual({ "f.json: mcpServers.a": both.replace("both", "5") });
    expect(Object.keys(server({ builtin: "other" }))).toEqual(["f.json: mcpServers.a.builtin"]);
    expect(server({ builtin: "demo", args: ["x"] })).toEqual({ "f.json: mcpServers.a.args": "it needs command" });
  });

  test.each([
    [{ url: "https://a" }],
    [{ url: "https://a", headers: { Authorization: "s3cr3t" } }],
    [{ serverUrl: "https://a" }],
  ])("of a remote server (%j) is not supported yet", (entry) => {
    const found = server(entry);
    expect(Object.keys(found)).toEqual(Object.keys(entry).map((key) => `f.json: mcpServers.a.${key}`));
    for (const problem of Object.values(found)) expect(problem).toContain("not supported yet");
    expect(JSON.stringify(found)).not.toContain("s3cr3t");
  });

  test.each(["exclusive", "shared"])("may have the isolation %j", (isolation) => {
    expect(server({ command: "x", isolation })).toEqual({});
    expect(faults({ allowedCommands: [{ command: "x", isolation }] })).toEqual({});
  });

  test.each(["Shared", "", true, 1])("may not have the isolation %j", (isolation) => {
    const problem = `expected "exclusive" or "shared", got ${JSON.stringify(isolation)}`;
    expect(server({ command: "x", isolation })).toEqual({ "f.json: mcpServers.a.isolation": problem });
  });

  test("has no limits but those of one server", () => {
    const own = { warm: 0, parked: "1m", probe: "250ms" };
    const found = server({ command: "x", timeouts: own, limits: { pooledChildren: 1, parkedCalls: 1 } });
    expect(found).toEqual({
      "f.json: mcpServers.a.limits.pooledChildren": expect.stringMatching(/^unknown key: /),
      "f.json: mcpServers.a.limits.parkedCalls": expect.stringMatching(/^unknown key: /),
    });
  });

  test("says of keys with a meaning to come that they are not supported yet", () => {
    expect(server({ command: "x", warm: 2, type: "http" })).toEqual({
      "f.json: mcpServers.a.warm": expect.stringMatching(/not supported yet, got 2$/),
      "f.json: mcpServers.a.type": expect.stringMatching(/not supported yet, got "http"$/),
    });
  });

  test("has the faults of the form of clientEnv that was meant, and of no other", () => {
    expect(server({ command: "x", clientEnv: ["bad", "GOOD", 5] })).toEqual({
      "f.json: mcpServers.a.clientEnv[0]": 'expected a variable name such as "API_KEY", got "bad"',
      "f.json: mcpServers.a.clientEnv[2]": 'expected a variable name such as "API_KEY", got 5',
    });
    expect(server({ command: "x", clientEnv: { A: { requird: true, maxLength: 0 }, low: {}, B: 5 } })).toEqual({
      "f.json: mcpServers.a.clientEnv.A.requird": "unknown key: did you mean required?",
      "f.json: mcpServers.a.clientEnv.A.maxLength": "expected a whole number from 1 on, got 0",
      "f.json: mcpServers.a.clientEnv.low": expect.stringMatching(/^not a name that can stand here/),
      "f.json: mcpServers.a.clientEnv.B": "expected an object, got 5",
    });
    expect(server({ command: "x", clientEnv: "all" })).toEqual({
      "f.json: mcpServers.a.clientEnv": 'expected ["NAME", …], {"NAME": {"required": true, …}} or "*", got "all"',
    });
  });

  test("with a slash or a tilde in its name is reported under that name", () => {
    expect(faults({ mcpServers: { "a/b~c~1": { command: 5 } } })).toEqual({
      'f.json: mcpServers["a/b~c~1"].command': "expected a text that is not empty, got 5",
    });
  });

  test("of allowedCommands is a text or an object with a command", () => {
    expect(faults({ allowedCommands: ["x", "", 5, {}, { command: "y", args: [] }] })).toEqual({
      "f.json: allowedCommands[1]": expect.stringContaining("expected"),
      "f.json: allowedCommands[2]": 'expected a command line or {"command": "a command line", …}, got 5',
      "f.json: allowedCommands[3].command": "it is required",
      "f.json: allowedCommands[4].args": expect.stringMatching(/^unknown key/),
    });
  });
});
