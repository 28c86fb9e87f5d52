import { describe, expect, test } from "bun:test";
import { isIPv6 } from "node:net";
import { dottedForm, isWithin, parseAddress, parseNetwork, subnetForm } from "../../src/guard/network.ts";

function within(network: string, address: string): boolean {
  const range = parseNetwork(network);
  const parsed = parseAddress(address);
  if (range === undefined || parsed === undefined) throw new Error(`not readable: ${network} or ${address}`);
  return isWithin([range], parsed);
}

describe("parseAddress", () => {
  test.each([
    ["0.0.0.0", [0, 0, 0xffff, 0]],
    ["192.168.1.2", [0, 0, 0xffff, 0xc0a80102]],
    ["255.255.255.255", [0, 0, 0xffff, 0xffffffff]],
    ["::ffff:192.168.1.2", [0, 0, 0xffff, 0xc0a80102]],
    ["::ffff:c0a8:102", [0, 0, 0xffff, 0xc0a80102]],
    ["::", [0, 0, 0, 0]],
    ["::1", [0, 0, 0, 1]],
    ["1::", [0x10000, 0, 0, 0]],
    ["2001:DB8::8:800:200c:417a", [0x20010db8, 0, 0x00080800, 0x200c417a]],
    ["1:2:3:4:5:6:7:8", [0x10002, 0x30004, 0x50006, 0x70008]],
    ["ffff:ffff::", [0xffffffff, 0, 0, 0]],
    ["fe80::1%eth0", [0xfe800000, 0, 0, 1]],
    ["::ffff:1.2.3.4%eth0", [0, 0, 0xffff, 0x01020304]],
    ["1:2:3:4:5:6:7::", [0x10002, 0x30004, 0x50006, 0x70000]],
    ["::2:3:4:5:6:7:8", [0x00002, 0x30004, 0x50006, 0x70008]],
    ["1:2:3:4:5:6:1.2.3.4", [0x10002, 0x30004, 0x50006, 0x01020304]],
  ])("reads %s", (text, words) => {
    expect(parseAddress(text)).toEqual(words as [number, number, number, number]);
  });

  test.each([
    ...[
      "",
      ".",
      "1",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "1.2.3.",
      ".1.2.3",
      "1..2.3",
      "01.2.3.4",
      "1.2.3.04",
      "0x1.2.3.4",
    ],
    ...[
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.-4",
      ":",
      ":::",
      "1:2:3",
      "1::2::3",
      "12345::",
      "g::",
      "[::1]",
      "::1.2.3.256",
      "a.b.c.d",
    ],
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

/** A linear congruential generator: the same texts in every run. */
function* texts(count: number): Generator<string> {
  let state = 7;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const pieces = ["", "0", "1", "f", "ab", "00ff", "ffff", "12345", "g", "1.2.3.4", "255.0.0.256", "::", ":"];
  for (let made = 0; made < count; made++) {
    const parts = Array.from({ length: 1 + next(9) }, () => pieces[next(next(4) === 0 ? pieces.length : 7)] ?? "");
    yield parts.join(":");
  }
}

test("parseAddress and the runtime agree on what an IPv6 address is, and on its groups", () => {
  let addresses = 0;
  for (const text of texts(20_000)) {
    if (!text.includes(":")) continue;
    const parsed = parseAddress(text);
    if ((parsed !== undefined) !== isIPv6(text)) throw new Error(`they differ about ${text}`);
    if (parsed === undefined) continue;
    addresses++;
    const plain = parsed.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(":");
    expect(new URL(`http://[${plain}]`).hostname).toBe(new URL(`http://[${text}]`).hostname);
  }
  expect(addresses).toBeGreaterThan(1000);
});

describe("parseNetwork", () => {
  test.each([
    ["10.0.0.0/8", "10.255.255.255", "11.0.0.0"],
    ["172.16.0.0/12", "172.31.255.255", "172.32.0.0"],
    ["192.168.1.7/24", "192.168.1.200", "192.168.2.1"],
    ["1.2.3.4", "1.2.3.4", "1.2.3.5"],
    ["128.0.0.0/1", "255.0.0.1", "127.0.0.1"],
    ["0.0.0.0/0", "8.8.8.8", "::1"],
    ["10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"],
    ["fc00::/7", "fdaa::1", "fe00::1"],
    ["2001:db8:0:8000::/49", "2001:db8:0:ffff::1", "2001:db8:0:7fff::1"],
    ["2001:db8::/96", "2001:db8::1:2", "2001:db8::1:0:2"],
    ["::1", "::1", "::2"],
    ["::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"],
  ])("%s holds %s but not %s", (network, inside, outside) => {
    expect(within(network, inside)).toBe(true);
    expect(within(network, outside)).toBe(false);
  });

  test("::/0 holds every address", () => {
    expect(within("::/0", "8.8.8.8")).toBe(true);
    expect(within("::/0", "2001:db8::1")).toBe(true);
  });

  test.each([
    "",
    "/8",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::/129",
    "fe80::%eth0/64",
    "a",
  ])("refuses %j", (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

test("forms: IPv4 in dots, IPv6 by its /64", () => {
  expect(dottedForm([0, 0, 0xffff, 0xfffefdfc])).toBe("255.254.253.252");
  expect(dottedForm([0, 0, 0, 1])).toBeUndefined();
  expect(subnetForm([0xffff0db8, 0x00010002, 3, 4])).toBe("ffff:db8:1:2::/64");
});
