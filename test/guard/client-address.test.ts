import { describe, expect, test } from "bun:test";
import { createClientAddress, createForwardedProto } from "../../src/guard/client-address.ts";

const direct = createClientAddress({ trustedProxies: [] });
const behind = createClientAddress({ trustedProxies: ["10.0.0.0/8", "loopback"] });
const onFly = createClientAddress({ trustedProxies: ["fly"] });
const NONE = new Headers();

function via(address: typeof direct, peer: string, headers: Record<string, string>): string {
  return address(peer, new Headers(headers));
}

describe("the key of a client", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["", ""],
    ["not:an:address", "not:an:address"],
  ])("A6: of %s is %s", (peer, key) => {
    expect(direct(peer, NONE)).toBe(key);
    expect(behind(peer, NONE)).toBe(key);
  });
});

describe("without trusted proxies", () => {
  test("A6: spoofed forwarded headers are ignored", () => {
    const spoofed = {
      "x-forwarded-for": "198.51.100.1",
      forwarded: "for=198.51.100.1",
      "fly-client-ip": "198.51.100.1",
      "x-real-ip": "198.51.100.1",
    };
    expect(via(direct, "127.0.0.1", spoofed)).toBe("127.0.0.1");
    expect(via(direct, "10.0.0.1", spoofed)).toBe("10.0.0.1");
  });
});

describe("behind trusted proxies", () => {
  test.each([
    ["one hop", "198.51.100.1", "198.51.100.1"],
    ["what the client wrote itself on the left", "1.1.1.1, 198.51.100.1", "198.51.100.1"],
    ["trusted hops on the right", "1.1.1.1,198.51.100.1, 10.0.0.2 ,10.0.0.3", "198.51.100.1"],
    ["rubbish on the left", "<script>, , 198.51.100.1", "198.51.100.1"],
    ["a port", "198.51.100.1:4711", "198.51.100.1"],
    ["IPv6", "2001:db8:1:2::7", "2001:db8:1:2::/64"],
    ["IPv6 with a port", "[2001:db8:1:2::7]:4711", "2001:db8:1:2::/64"],
    ["IPv4-mapped IPv6", "::ffff:198.51.100.1", "198.51.100.1"],
    ["only trusted hops: the outermost", "10.0.0.9, 10.0.0.3", "10.0.0.9"],
  ])("A6: X-Forwarded-For with %s", (_, value, key) => {
    expect(via(behind, "10.0.0.1", { "x-forwarded-for": value })).toBe(key);
  });

  test.each(["", ",", "unknown", "198.51.100.1,", "198.51.100.1, x, 10.0.0.3", ",10.0.0.3", "mcp.example"])(
    "A6: the malformed X-Forwarded-For %j makes the peer the client",
    (value) => {
      expect(via(behind, "10.0.0.1", { "x-forwarded-for": value })).toBe("10.0.0.1");
    },
  );

  test("A6: a peer that is not trusted cannot forward", () => {
    expect(via(behind, "192.0.2.1", { "x-forwarded-for": "198.51.100.1" })).toBe("192.0.2.1");
  });

  test("two X-Forwarded-For headers count as one list", () => {
    const headers = new Headers();
    headers.append("X-Forwarded-For", "1.1.1.1");
    headers.append("X-Forwarded-For", "198.51.100.1");
    expect(behind("10.0.0.1", headers)).toBe("198.51.100.1");
  });

  test.each([
    ["for=198.51.100.1;proto=https", "198.51.100.1"],
    ['for=1.1.1.1, for="198.51.100.1:80", for=10.0.0.2', "198.51.100.1"],
    ['for="[2001:db8:1:2::7]:4711"', "2001:db8:1:2::/64"],
    ['for="1.1.1.1,9.9.9.9"', "10.0.0.1"],
    ["for=unknown", "10.0.0.1"],
    ["for=_hidden", "10.0.0.1"],
    ["proto=https", "10.0.0.1"],
    ['for="198.51.100.1', "10.0.0.1"],
  ])("reads Forwarded: %s", (value, key) => {
    expect(via(behind, "10.0.0.1", { forwarded: value })).toBe(key);
  });

  test("X-Forwarded-For counts before Forwarded, and Fly-Client-IP not at all", () => {
    const headers = { "x-forwarded-for": "198.51.100.1", forwarded: "for=1.1.1.1", "fly-client-ip": "2.2.2.2" };
    expect(via(behind, "10.0.0.1", headers)).toBe("198.51.100.1");
  });

  test("a list of 16 KB costs no more than its right end", () => {
    const value = `${"10.0.0.1,".repeat(1700)}198.51.100.1`;
    expect(via(behind, "10.0.0.1", { "x-forwarded-for": value })).toBe("198.51.100.1");
  });
});

describe("on Fly", () => {
  test.each(["172.16.5.6", "fdaa:0:1::3", "127.0.0.1", "::ffff:172.19.0.1"])(
    "believes Fly-Client-IP from %s",
    (peer) => {
      expect(via(onFly, peer, { "fly-client-ip": "198.51.100.1", "x-forwarded-for": "1.1.1.1" })).toBe("198.51.100.1");
      expect(via(onFly, peer, { "fly-client-ip": "2001:db8:1:2::7" })).toBe("2001:db8:1:2::/64");
    },
  );

  test("A6: does not believe it from a public address", () => {
    expect(via(onFly, "192.0.2.1", { "fly-client-ip": "198.51.100.1" })).toBe("192.0.2.1");
  });

  test("A6: a malformed or doubled Fly-Client-IP makes the peer the client", () => {
    expect(via(onFly, "172.16.5.6", { "fly-client-ip": "1.1.1.1, 2.2.2.2" })).toBe("172.16.5.6");
    expect(via(onFly, "172.16.5.6", { "fly-client-ip": "" })).toBe("172.16.5.6");
  });

  test("X-Forwarded-For alone counts for nothing unless the peer is trusted for it too", () => {
    expect(via(onFly, "172.16.5.6", { "x-forwarded-for": "1.1.1.1" })).toBe("172.16.5.6");
    const both = createClientAddress({ trustedProxies: ["fly", "private"] });
    expect(via(both, "172.16.5.6", { "x-forwarded-for": "1.1.1.1" })).toBe("1.1.1.1");
  });
});

describe("createForwardedProto", () => {
  const tls = createForwardedProto({ trustedProxies: ["10.0.0.0/8", "fly"] });
  const is = (peer: string, headers: Record<string, string>) => tls(peer, new Headers(headers));

  test("believes a trusted proxy, and Fly's, by X-Forwarded-Proto or Forwarded", () => {
    expect(is("10.0.0.1", { "x-forwarded-proto": "https" })).toBe(true);
    expect(is("172.16.0.1", { "x-forwarded-proto": "HTTPS" })).toBe(true);
    expect(is("10.0.0.1", { forwarded: "for=1.1.1.1;proto=https, for=10.0.0.2;proto=http" })).toBe(true);
  });

  test("goes by the outermost hop", () => {
    expect(is("10.0.0.1", { "x-forwarded-proto": "https, http" })).toBe(true);
    expect(is("10.0.0.1", { "x-forwarded-proto": "http, https" })).toBe(false);
  });

  test("is false without a word, with another word, and from anybody else", () => {
    expect(is("10.0.0.1", {})).toBe(false);
    expect(is("10.0.0.1", { "x-forwarded-proto": "http", forwarded: "proto=https" })).toBe(false);
    expect(is("10.0.0.1", { "x-forwarded-proto": "httpss" })).toBe(false);
    expect(is("192.0.2.1", { "x-forwarded-proto": "https" })).toBe(false);
    expect(is("", { "x-forwarded-proto": "https" })).toBe(false);
    expect(
      createForwardedProto({ trustedProxies: [] })("127.0.0.1", new Headers({ "x-forwarded-proto": "https" })),
    ).toBe(false);
  });
});

test.each(["nonsense", "10.0.0.0/40"])("both refuse the trusted proxy %s when they are made", (entry) => {
  expect(() => createClientAddress({ trustedProxies: [entry] })).toThrow(TypeError);
  expect(() => createForwardedProto({ trustedProxies: [entry] })).toThrow(TypeError);
});
