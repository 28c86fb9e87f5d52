import { expect, test } from "bun:test";
import { addressOf, listeners, listeningAddresses } from "../../scripts/lib/listening.ts";
import { testWhen } from "../support/when.ts";

test.each([
  ["0100007F:1F40", "127.0.0.1:8000"],
  ["00000000:0050", "127.0.0.1:80"],
  ["0A01A8C0:FFFF", "192.168.1.10:65535"],
  ["00000000000000000000000000000000:1F40", "127.0.0.1:8000"],
  ["00000000000000000000000001000000:1F40", "[::1]:8000"],
])("the kernel's %s is asked as %s", (hex, address) => {
  expect(addressOf(hex)).toBe(address);
});

test("of the kernel's table only listening sockets count", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0
   1: 0100007F:1F40 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 20 4
`;
  expect([...listeners(table)]).toEqual([["4711", "127.0.0.1:8000"]]);
});

testWhen(process.platform === "linux", "this is not Linux")("a process's own listening port is found", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
  expect(await listeningAddresses(process.pid)).toContain(`127.0.0.1:${server.port}`);
});

test("of a process that is gone nothing is known", async () => {
  const gone = Bun.spawn(["true"]);
  await gone.exited;
  expect(await listeningAddresses(gone.pid)).toBeUndefined();
});
