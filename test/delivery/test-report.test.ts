import { expect, test } from "bun:test";
import { secondsByFolder, skips } from "../../scripts/lib/test-report.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" failures="0" skipped="2" time="3.5">
  <testsuite name="test/wire/a.test.ts" file="test/wire/a.test.ts" tests="3" skipped="2" time="1.5" hostname="vm">
    <testsuite name="a group" file="test/wire/a.test.ts" line="2" tests="2" skipped="1" time="1">
      <testcase name="runs" classname="a group" time="1" file="test/wire/a.test.ts" line="3" assertions="0" />
      <testcase name="needs &quot;more&quot; [skipped: there is no curl &amp; no wget]" file="test/wire/a.test.ts" line="4">
        <skipped />
      </testcase>
    </testsuite>
    <testcase name="is left out" classname="" time="0" file="test/wire/a.test.ts" line="9" assertions="0">
      <skipped />
    </testcase>
  </testsuite>
  <testsuite name="test/app/b.test.ts" file="test/app/b.test.ts" tests="1" skipped="0" time="2" hostname="vm">
    <testcase name="fails" classname="" time="2" file="test/app/b.test.ts" line="1" assertions="0">
      <failure type="AssertionError" />
    </testcase>
  </testsuite>
</testsuites>
`;
const OTHER = `<testsuites><testsuite name="test/wire/c.test.ts" file="test/wire/c.test.ts" time="0.25"></testsuite></testsuites>`;

test("the time of a folder is that of its files in all reports, the longest first", () => {
  expect([...secondsByFolder([REPORT, OTHER])]).toEqual([
    ["test/app", 2],
    ["test/wire", 1.75],
  ]);
});

test("what was skipped is listed with its reason, and the lack of one is seen", () => {
  expect(skips([REPORT, OTHER])).toEqual([
    'test/wire/a.test.ts: needs "more": there is no curl & no wget',
    "test/wire/a.test.ts: is left out: no reason is given",
  ]);
});
