import { describe, expect, test } from "bun:test";
import { baseEnvironment, childEnvironment } from "../../src/process/environment.ts";
import { testWhen } from "../support/when.ts";

const BASE = { PATH: "/bin", HOME: "/home/me" };

describe("the base", () => {
  test("holds what programs need of the proxy's own environment, and nothing else of it", () => {
    const needed = {
      ...BASE,
      LANG: "C",
      LC_ALL: "C",
      LC_ANY: "x",
      TZ: "UTC",
      HTTPS_PROXY: "http://p",
      no_proxy: "localhost",
    };
    const kept = {
      MAXIM_SECRET: "x",
      NODE_OPTIONS: "x",
      LD_PRELOAD: "x",
      BUN_OPTIONS: "x",
      MCP_PROXY_CONFIG: "x",
      PORT: "1",
    };
    expect(baseEnvironment({ ...needed, ...kept, TMPDIR: "/tmp", PWD: "/", USER: undefined })).toEqual(needed);
  });

  testWhen(process.platform !== "win32", "names are in no case of their own on Windows")(
    "knows names in their own case alone",
    () => {
      expect(baseEnvironment({ Path: "/evil", home: "/evil", Http_Proxy: "http://evil" })).toEqual({});
    },
  );
});

describe("a child's environment", () => {
  const make = (client: Readonly<Record<string, string>>, server: Readonly<Record<string, string>> = {}) =>
    childEnvironment({
      base: BASE,
      inherited: {},
      server,
      client: new Map(Object.entries(client)),
      temporary: "/tmp/own",
      marker: "instance.1",
    });

  test("is the base, then the operator's variables, then the client's", () => {
    expect(make({ TOKEN: "client's", EMPTY: "" }, { TOKEN: "operator's", HOME: "/srv" })).toEqual({
      NPM_CONFIG_UPDATE_NOTIFIER: "false",
      PATH: "/bin",
      HOME: "/srv",
      TMPDIR: "/tmp/own",
      TOKEN: "client's",
      EMPTY: "",
      MCP_SSE_PROXY_CLIENT_VARIABLES: "TOKEN,EMPTY",
      MCP_SSE_PROXY_CHILD: "instance.1",
    });
  });

  test("has what is set for the launcher before the base, and after what the operator says of the server", () => {
    const made = childEnvironment({
      base: { ...BASE, NPM_CONFIG_UPDATE_NOTIFIER: "base" },
      inherited: { NPM_CONFIG_UPDATE_NOTIFIER: "true", NPM_CONFIG_CACHE: "/all" },
      server: { NPM_CONFIG_CACHE: "/one" },
      client: new Map(),
      temporary: undefined,
      marker: "m.1",
    });
    expect(made).toMatchObject({ NPM_CONFIG_UPDATE_NOTIFIER: "true", NPM_CONFIG_CACHE: "/one" });
  });

  test("has an operator's TMPDIR before its own, and none without a directory", () => {
    expect(make({}, { TMPDIR: "/srv/tmp" })["TMPDIR"]).toBe("/srv/tmp");
    const without = childEnvironment({
      base: BASE,
      inherited: {},
      server: {},
      client: new Map(),
      temporary: undefined,
      marker: "m.1",
    });
    expect(without).not.toHaveProperty("TMPDIR");
  });

  test("has marks that nobody can set", () => {
    const marks = { MCP_SSE_PROXY_CHILD: "forged", MCP_SSE_PROXY_CLIENT_VARIABLES: "forged" };
    for (const made of [make(marks), make({}, marks)]) {
      expect(made["MCP_SSE_PROXY_CHILD"]).toBe("instance.1");
      expect(made["MCP_SSE_PROXY_CLIENT_VARIABLES"]).not.toBe("forged");
    }
  });

  test("takes names that every object has for names like any other", () => {
    const made = childEnvironment({
      base: BASE,
      inherited: {},
      server: JSON.parse('{"__proto__":"p","constructor":"c"}'),
      client: new Map([["toString", "t"]]),
      temporary: undefined,
      marker: "m.1",
    });
    expect(Object.entries(made)).toContainEqual(["__proto__", "p"]);
    expect(made["constructor"]).toBe("c");
    expect(made["toString"]).toBe("t");
    expect(make({})["hasOwnProperty"]).toBeUndefined();
  });

  test("leaves the values that it is made of as they were", () => {
    make({ TOKEN: "x" }, { PATH: "/srv/bin" });
    expect(BASE).toEqual({ PATH: "/bin", HOME: "/home/me" });
  });
});
