import { describe, expect, test } from "bun:test";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../src/config/settings/units.ts";

describe("a duration", () => {
  test.each([
    ["250ms", 250],
    ["15s", 15_000],
    ["3m", 180_000],
    ["1h", 3_600_000],
    ["0s", 0],
    ["0", 0],
    [0, 0],
    ["596h", 2_145_600_000],
    ["2147483647ms", 2_147_483_647],
  ])("%p is %p milliseconds", (written, milliseconds) => {
    expect(parseDuration(written)).toBe(milliseconds);
  });

  test.each([
    15,
    -1,
    1.5,
    "15",
    "1.5s",
    "-1s",
    "+1s",
    "15 s",
    " 15s",
    "15s ",
    "15S",
    "1d",
    "s",
    "",
    "015s",
    "1e3s",
    "1h30m",
    "１s",
  ])("%p is refused", (written) => {
    expect(parseDuration(written)).toBeUndefined();
  });

  test.each([[null], [undefined], [true], [[]], [["15s"]], [{}]])("%p is refused, being no text", (written) => {
    expect(parseDuration(written)).toBeUndefined();
    expect(parseSize(written)).toBeUndefined();
  });

  test("longer than a timer can be set for is refused, as that timer would fire at once", () => {
    expect(parseDuration("2147483648ms")).toBeUndefined();
    expect(parseDuration("597h")).toBeUndefined();
  });

  test.each([
    [0, "0"],
    [250, "250ms"],
    [1500, "1500ms"],
    [90_000, "90s"],
    [180_000, "3m"],
    [86_400_000, "24h"],
  ])("of %p milliseconds is written %p", (milliseconds, written) => {
    expect(formatDuration(milliseconds)).toBe(written);
    expect(parseDuration(written)).toBe(milliseconds);
  });
});

describe("a size", () => {
  test.each([
    ["512B", 512],
    ["64KB", 65_536],
    ["4MB", 4_194_304],
    ["1GB", 1_073_741_824],
    ["4194304", 4_194_304],
    [4_194_304, 4_194_304],
    ["0", 0],
    [0, 0],
  ])("%p is %p bytes", (written, bytes) => {
    expect(parseSize(written)).toBe(bytes);
  });

  test.each([-1, 1.5, 1e21, Number.NaN, "4mb", "4M", "4MiB", "1.5MB", "-4MB", "4 MB", "MB", "", "9007199254740991KB"])(
    "%p is refused",
    (written) => {
      expect(parseSize(written)).toBeUndefined();
    },
  );

  test.each([
    [0, "0"],
    [1000, "1000B"],
    [65_536, "64KB"],
    [4_194_304, "4MB"],
    [3 * 1024 ** 3, "3GB"],
  ])("of %p bytes is written %p", (bytes, written) => {
    expect(formatSize(bytes)).toBe(written);
    expect(parseSize(written)).toBe(bytes);
  });
});
