import { describe, expect, test } from "bun:test";
import {
  ALL_SETTINGS,
  FILE_SETTING,
  SECRET_SETTING,
  settingsMarkdown,
  writtenText,
} from "../../../src/config/settings/settings.ts";

test("the fixed environment names are these, and the regular ones follow from the path in the file", () => {
  expect(ALL_SETTINGS.map(({ environment }) => environment)).toEqual([
    ...["MAXIM_SECRET", "MCP_PROXY_CONFIG", "HOST", "PORT", "BASE_PATH", "RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_BURST"],
    ...["RATE_LIMIT_MESSAGES_PER_MINUTE", "RATE_LIMIT_MESSAGES_BURST"],
    ...["RATE_LIMIT_STARTS_PER_MINUTE", "RATE_LIMIT_STARTS_BURST"],
    ...["ALLOWED_ORIGINS", "TRUSTED_PROXIES", "ALLOWED_HOSTS", "LIMITS_SESSIONS", "LIMITS_REQUEST_BYTES"],
    ...["LIMITS_CONCURRENT_STARTS", "LIMITS_POOLED_CHILDREN", "LIMITS_PARKED_CALLS", "LIMITS_SESSIONS_PER_SERVER"],
    ...["LIMITS_LINE_BYTES", "LIMITS_OUTBOX_BYTES", "TIMEOUTS_START", "TIMEOUTS_REQUEST", "TIMEOUTS_IDLE"],
    ...[
      "TIMEOUTS_SILENT",
      "TIMEOUTS_RECONNECT",
      "TIMEOUTS_LIFETIME",
      "TIMEOUTS_WARM",
      "TIMEOUTS_PARKED",
      "TIMEOUTS_PROBE",
    ],
    ...["TIMEOUTS_HEARTBEAT", "TIMEOUTS_STALLED_WRITE", "TIMEOUTS_GRACEFUL_STOP", "CONTAINMENT", "TIMEOUTS_SHUTDOWN"],
    ...["LOG_LEVEL", "LOG_FORMAT"],
  ]);
});

test("no two settings share a name", () => {
  for (const name of ["key", "flag", "environment"] as const) {
    const names = ALL_SETTINGS.map((one) => one[name]).filter((one) => one !== undefined);
    expect(new Set(names).size).toBe(names.length);
  }
});

test("the secret has neither an option nor a place in the file", () => {
  expect(SECRET_SETTING).toMatchObject({ flag: undefined, key: undefined, sensitive: true });
  expect(ALL_SETTINGS.filter(({ sensitive }) => sensitive)).toHaveLength(1);
});

describe("each default", () => {
  test.each(ALL_SETTINGS.map((one) => [one.environment, one] as const))(
    "of %s can be written where it is read",
    (_, setting) => {
      if (setting === SECRET_SETTING || setting === FILE_SETTING) return;
      const read: unknown = setting.kind.parse(writtenText(setting.defaultWritten));
      expect(read).toEqual({ ok: true, value: setting.default });
    },
  );
});

test("every limit and every time limit can be switched off by 0, and its description says what that means", () => {
  for (const setting of ALL_SETTINGS) {
    if (setting.key?.startsWith("timeouts.") || setting.key?.startsWith("limits.")) {
      expect(setting.kind.parse("0")).toEqual({ ok: true, value: 0 });
      expect(setting.description).toContain("0: ");
    }
  }
});

test("the documentation's table has a row for each setting, without a cell that breaks it", () => {
  const lines = settingsMarkdown().trimEnd().split("\n");
  expect(lines).toHaveLength(ALL_SETTINGS.length + 2);
  for (const line of lines) expect(line.match(/\|/g)).toHaveLength(6);
  expect(settingsMarkdown()).toContain("| `listen.port` | `PORT` | `--port` | `8000` |");
  expect(settingsMarkdown()).toContain("|  | `MAXIM_SECRET` |  | required |");
});
