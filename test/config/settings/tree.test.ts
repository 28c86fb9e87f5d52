import { expect, test } from "bun:test";
import { whole, word } from "../../../src/config/settings/kind.ts";
import { regularNames, setting } from "../../../src/config/settings/setting.ts";
import { readTree, settingsOf } from "../../../src/config/settings/tree.ts";

const TREE = {
  colour: setting(regularNames("colour"), word("red", "blue"), "red", "…"),
  limits: { doors: setting(regularNames("limits.doors"), whole(0, 9), 2, "…") },
};

test("the values of a tree stand where its settings do, and have their types", () => {
  const values = readTree(TREE, (one) => one.default);
  const doors: number = values.limits.doors;
  const colour: "red" | "blue" = values.colour;
  expect({ doors, colour, values }).toEqual({
    doors: 2,
    colour: "red",
    values: { colour: "red", limits: { doors: 2 } },
  });
});

test("the settings of a tree come in its order, groups or not", () => {
  expect(settingsOf(TREE).map(({ key }) => key)).toEqual(["colour", "limits.doors"]);
});
