/**
 * Says where the time of a test run went, folder by folder, and which tests were skipped and why.
 *   bun scripts/lib/test-report.ts JUNIT-FILE...
 */

/** What bun's JUnit report says of one test file or of one test. */
interface Element {
  readonly attributes: ReadonlyMap<string, string>;
  readonly isSkipped: boolean;
}

/** What a test's title ends with when it is skipped: test/support/when.ts puts it there. */
const REASON = / \[skipped: (.*)\]$/;

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function plain(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

function elements(report: string, name: string): readonly Element[] {
  return [...report.matchAll(new RegExp(`<${name}\\b([^>]*?)(/?)>(\\s*<skipped)?`, "g"))].map(
    ([, attributes = "", isEmpty, skipped]) => ({
      attributes: new Map(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, plain(value)]),
      ),
      isSkipped: isEmpty !== "/" && skipped !== undefined,
    }),
  );
}

/** Seconds per folder under test/, the longest first. Files that ran side by side each count whole. */
export function secondsByFolder(reports: readonly string[]): ReadonlyMap<string, number> {
  const seconds = new Map<string, number>();
  for (const { attributes } of reports.flatMap((report) => elements(report, "testsuite"))) {
    const file = attributes.get("name") ?? "";
    // A describe block is a suite within that of its file.
    if (!file.endsWith(".ts")) continue;
    const folder = file.split("/").slice(0, 2).join("/");
    seconds.set(folder, (seconds.get(folder) ?? 0) + Number(attributes.get("time")));
  }
  return new Map([...seconds].sort(([, one], [, other]) => other - one));
}

/** One line for each skipped test: where it stands, its name, and why it is skipped. */
export function skips(reports: readonly string[]): readonly string[] {
  return reports
    .flatMap((report) => elements(report, "testcase"))
    .filter(({ isSkipped }) => isSkipped)
    .map(({ attributes }) => {
      const [title, file] = [attributes.get("name") ?? "", attributes.get("file") ?? ""];
      return `${file}: ${title.replace(REASON, "")}: ${REASON.exec(title)?.[1] ?? "no reason is given"}`;
    });
}

if (import.meta.main) {
  const reports = await Promise.all(process.argv.slice(2).map((path) => Bun.file(path).text()));
  const seconds = [...secondsByFolder(reports)].map(([folder, spent]) => `${folder} ${spent.toFixed(1)}`);
  console.log(`\nseconds: ${seconds.join(", ")}`);
  const skipped = skips(reports);
  console.log(skipped.length === 0 ? "skipped: none" : `skipped:\n${skipped.map((line) => `  ${line}`).join("\n")}`);
}
