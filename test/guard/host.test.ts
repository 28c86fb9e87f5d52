import { describe, expect, test } from "bun:test";
import { createHostCheck, isLoopbackHost } from "../../src/guard/host.ts";

const onLoopback = createHostCheck({ bindHost: "127.0.0.1", allowed: [] });
const onAny = createHostCheck({ bindHost: "0.0.0.0", allowed: [] });

describe("createHostCheck", () => {
  test.each([
    ...["localhost", "localhost:8000", "LOCALHOST:8000", "localhost.", "localhost.:8000", "app.localhost:8000"],
    ...["127.0.0.1", "127.0.0.1:8000", "127.8.9.10", "[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]:1"],
  ])("passes the loopback name %s on a loopback bind", (host) => {
    expect(onLoopback(host)).toBe("ok");
  });

  test.each([
    ...["attacker.example", "attacker.example:8000", "localhost.attacker.example", "127.0.0.1.nip.io", "notlocalhost"],
    ...["192.168.1.2:8000", "0.0.0.0", "[::]", "[::2]", "1270.example"],
  ])("refuses %s on a loopback bind", (host) => {
    expect(onLoopback(host)).toBe("refused");
  });

  test.each(["localhost", "::1", "127.0.0.2"])("knows %s for a loopback bind", (bindHost) => {
    expect(createHostCheck({ bindHost, allowed: [] })("attacker.example")).toBe("refused");
  });

  test("passes any name on another bind until names are configured", () => {
    expect(onAny("mcp.example.com")).toBe("ok");
    expect(onAny("10.0.0.7:8000")).toBe("ok");
    expect(createHostCheck({ bindHost: "0.0.0.0", allowed: ["mcp.example.com"] })("other.example")).toBe("refused");
  });

  test("compares configured names without regard to case and a trailing dot", () => {
    const check = createHostCheck({ bindHost: "127.0.0.1", allowed: ["MCP.example.com", "[2001:DB8::0:1]"] });
    for (const host of ["mcp.example.com", "Mcp.Example.Com.", "mcp.example.com:9", "[2001:db8::1]:8000"]) {
      expect(check(host)).toBe("ok");
    }
    for (const host of ["xmcp.example.com", "a.mcp.example.com", "example.com", "[2001:db8::2]"]) {
      expect(check(host)).toBe("refused");
    }
  });

  test("holds a name that is configured with a port to that port", () => {
    const check = createHostCheck({ bindHost: "0.0.0.0", allowed: ["mcp.example.com:8443"] });
    expect(check("mcp.example.com:8443")).toBe("ok");
    expect(check("mcp.example.com:443")).toBe("refused");
    expect(check("mcp.example.com")).toBe("refused");
  });

  test("keeps passing loopback names, which health checks use, when names are configured", () => {
    const check = createHostCheck({ bindHost: "0.0.0.0", allowed: ["mcp.example.com"] });
    expect(check("127.0.0.1:8000")).toBe("ok");
    expect(check("localhost")).toBe("ok");
  });

  test('"*" passes every name on any bind, but nothing malformed', () => {
    const check = createHostCheck({ bindHost: "127.0.0.1", allowed: ["*"] });
    expect(check("anything.example")).toBe("ok");
    expect(check("a/b")).toBe("malformed");
  });

  test.each([
    ["H4: two Host headers, joined", "a.example, b.example"],
    ["H5: an empty Host", ""],
    ["H5: an absent Host", null],
    ["a path", "a.example/health"],
    ["a query", "a?/health"],
    ["a fragment", "a#b"],
    ["a user", "user@a.example"],
    ["a space", "a example"],
    ["a backslash", "a\\b"],
    ["a scheme", "http://a"],
    ["a percent sign", "a%2eb"],
    ["a port that is no number", "a:b"],
    ["an empty port", "a:"],
    ["a port out of range", "a:65536"],
    ["two ports", "a:1:2"],
    ["an IPv6 address without brackets", "::1"],
    ["an unfinished bracket", "[::1"],
    ["brackets around something else", "[a]"],
    ["brackets around an IPv4 address", "[127.0.0.1]"],
    ["an IPv6 address with a scope", "[fe80::1%25eth0]"],
    ["an IPv6 address that is none", "[1:2:3]"],
    ["an IPv4 address that is none", "1.2.3.256"],
    ["an empty label", "a..b"],
    ["nothing but a dot", "."],
    ["a Kelvin sign for a k", "\u212a.example"],
    ["Latin-1", "b\xfccher.example"],
    ["a newline", "a\n"],
    ["a name of 300 characters", "a".repeat(300)],
  ])("finds %s malformed", (_, host) => {
    expect(onAny(host)).toBe("malformed");
    expect(onLoopback(host)).toBe("malformed");
  });

  test("a verdict does not stick to the next request", () => {
    const check = createHostCheck({ bindHost: "127.0.0.1", allowed: [] });
    const hosts = ["localhost", "evil.example", "evil.example", "localhost", "", "", "localhost"];
    const verdicts = ["ok", "refused", "refused", "ok", "malformed", "malformed", "ok"] as const;
    expect(hosts.map(check)).toEqual([...verdicts]);
  });

  test.each(["", "http://a.example", "*.example.com", "a/b", "a b"])("refuses the configured name %j", (entry) => {
    expect(() => createHostCheck({ bindHost: "0.0.0.0", allowed: [entry] })).toThrow(TypeError);
  });
});

describe("isLoopbackHost", () => {
  test.each(["localhost", "a.localhost", "127.0.0.1", "127.255.255.254", "::1", "[::1]", "::ffff:127.0.0.1"])(
    "knows %s",
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  test.each(["", "0.0.0.0", "::", "128.0.0.1", "127.1", "127.0.0.1.example", "::ffff:7f", "::2", "localhost.example"])(
    "does not take %j for one",
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});
