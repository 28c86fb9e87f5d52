import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { TEST_MS } from "../support/limits.ts";
import { startProxy, type TestProxy } from "../support/proxy.ts";
import { testWhen } from "../support/when.ts";
import { codeOf, firstCells, partOf } from "./pages.ts";
import { exampleFor, runCommand, runExample } from "./run.ts";

// The waits inside have deadlines of their own, and say what they waited for.
setDefaultTimeout(TEST_MS);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startProxy();
});
afterAll(() => proxy.stop());

describe("the pages' examples against a proxy without a configuration file", () => {
  test.each(["sdk-v1", "sdk-v1-sse", "sdk-v2"])("%s connects, and its ENV_ header reaches the server", async (name) => {
    expect(await runExample(proxy, name)).toContain('text: "EXAMPLE"');
  });

  testWhen(Bun.which("curl") !== null, "there is no curl here")(
    "the curl line is accepted, and the answer comes on the stream",
    async () => {
      const session = await proxy.openSse("demo");
      const script = exampleFor(proxy, "curl")
        .replace(/^SECRET=.*$/m, `SECRET='${proxy.secret}'`)
        .replace(/^SESSION=.*$/m, `SESSION='${session.sessionId}'`);
      expect(await runCommand(["/bin/sh", "-euc", script], {})).toBe("Accepted");
      const answer = await session.message("the answer to initialize", ({ id }) => id === 1);
      expect(answer.result).toMatchObject({ serverInfo: { name: "mcp-sse-proxy-demo" } });
      session.close();
    },
  );

  testWhen(Bun.which("curl") !== null, "there is no curl here")(
    "the README's first curl line prints the answer",
    async () => {
      const script = exampleFor(proxy, "first-answer").replace(/^SECRET=.*$/m, `SECRET='${proxy.secret}'`);
      const answer = answerIn(await runCommand(["/bin/sh", "-euc", script], {}));
      expect(answer).toMatchObject({ id: 1, result: { structuredContent: { sum: 5 } } });
    },
  );

  testWhen(Bun.which("curl") !== null, "there is no curl here")(
    "the stateless curl line prints the answer",
    async () => {
      const script = exampleFor(proxy, "stateless").replace(/^SECRET=.*$/m, `SECRET='${proxy.secret}'`);
      const answer = answerIn(await runCommand(["/bin/sh", "-euc", script], {}));
      expect(answer).toMatchObject({ id: 1, result: { resultType: "complete", structuredContent: { sum: 5 } } });
    },
  );
});

test("the table of routes is the OpenAPI document's, with the documentation's own routes and OPTIONS", async () => {
  const document = (await (await proxy.fetch("/swagger/json")).json()) as { readonly paths: Record<string, object> };
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  );
  const listed = firstCells(partOf("routes"))
    .flat()
    .map((route) => route.replace(/\?.*$/, ""));
  expect([...listed].sort()).toEqual([...described, "GET /swagger", "GET /swagger/json", "OPTIONS"].sort());
});

test("a URL outside of MCP answers as docs/errors.md says", async () => {
  const answer = await proxy.fetch("/nothing/is/here");
  expect(await answer.json()).toEqual(JSON.parse(codeOf("management-error")));
});

/** The JSON-RPC answer that curl printed: bare, or as an event when it was slow to come and a stream was begun for it. */
function answerIn(printed: string): unknown {
  return JSON.parse(/^data: (\{.*)$/m.exec(printed)?.[1] ?? printed);
}
