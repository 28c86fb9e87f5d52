import { expect, test } from "bun:test";
import { type Connection, callerOf } from "../../src/app/arrival.ts";

test("the address of a caller is asked of the connection once, and known when the request is over", () => {
  let asked = 0;
  let isOver = false;
  const server: Connection = {
    requestIP: () => {
      asked++;
      return isOver ? null : { address: "192.0.2.1" };
    },
    timeout: () => undefined,
  };
  const caller = callerOf({ request: new Request("http://localhost/"), server });
  expect(asked).toBe(0);
  expect(caller.peer()).toBe("192.0.2.1");
  isOver = true;
  expect(caller.peer()).toBe("192.0.2.1");
  expect(asked).toBe(1);
});
