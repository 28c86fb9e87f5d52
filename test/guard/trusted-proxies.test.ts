import { describe, expect, test } from "bun:test";
import { parseAddress } from "../../src/guard/network.ts";
import { createTrustedProxies } from "../../src/guard/trusted-proxies.ts";

function verdict(entries: readonly string[], address: string): { forwards: boolean; isFly: boolean } {
  const trusted = createTrustedProxies(entries);
  const parsed = parseAddress(address);
  if (trusted === undefined || parsed === undefined) throw new Error("nothing to ask");
  return { forwards: trusted.forwards(parsed), isFly: trusted.isFly(parsed) };
}

describe("createTrustedProxies", () => {
  test("is nothing when nobody is trusted", () => {
    expect(createTrustedProxies([])).toBeUndefined();
  });

  test.each([
    ["loopback", "127.0.0.1", true],
    ["loopback", "127.9.9.9", true],
    ["loopback", "::1", true],
    ["loopback", "::ffff:127.0.0.1", true],
    ["loopback", "10.0.0.1", false],
    ["private", "10.0.0.1", true],
    ["private", "172.16.0.1", true],
    ["private", "172.32.0.1", false],
    ["private", "192.168.9.9", true],
    ["private", "fd00::1", true],
    ["private", "127.0.0.1", false],
    ["private", "8.8.8.8", false],
    ["203.0.113.0/24", "203.0.113.9", true],
    ["203.0.113.0/24", "203.0.114.9", false],
    ["2001:db8::1", "2001:db8::1", true],
    ["fly", "172.16.0.1", false],
  ])("with %s, %s may forward: %p", (entry, address, forwards) => {
    expect(verdict([entry], address)).toEqual({ forwards, isFly: entry === "fly" });
  });

  test.each([
    ["172.16.3.4", true],
    ["127.0.0.1", true],
    ["fdaa:0:1::2", true],
    ["66.241.1.1", false],
    ["2604:1380::1", false],
  ])("with fly, %s can be Fly's proxy: %p", (address, isFly) => {
    expect(verdict(["fly", "8.8.8.8"], address)).toEqual({ forwards: false, isFly });
  });

  test.each(["", "Loopback", "public", "10.0.0.0/33", "mcp.example", "*", "10.0.0.1:80"])("refuses %j", (entry) => {
    expect(() => createTrustedProxies([entry])).toThrow(TypeError);
  });
});
