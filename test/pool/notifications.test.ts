import { expect, test } from "bun:test";
import { createNotifications } from "../../src/pool/notifications.ts";

const item = { line: Buffer.from("{}"), method: "notifications/tools/list_changed" };

test("a listener that throws does not keep the others from hearing; what it threw is thrown when all have heard", () => {
  const notifications = createNotifications();
  const heard: string[] = [];
  notifications.listen(() => void heard.push("first"));
  notifications.listen(() => {
    throw new TypeError("odd");
  });
  const leave = notifications.listen(() => void heard.push("last"));
  expect(() => notifications.publish(item)).toThrow(AggregateError);
  expect(heard).toEqual(["first", "last"]);
  leave();
  leave();
  expect(() => notifications.publish(item)).toThrow();
  expect(heard).toEqual(["first", "last", "first"]);
  expect(notifications.toolChanges()).toBe(2);
});
