import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Elysia } from "elysia";
import { ProxyError } from "../../src/base/errors.ts";
import { docs } from "../../src/ops/docs.ts";
import { healthDetail, openSseDetail, postMessageDetail, serversDetail } from "../../src/ops/openapi/routes.ts";

/** An OpenAPI document, as far as these tests look at it. */
interface Specification {
  openapi: string;
  info: unknown;
  servers: unknown;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}
interface Operation {
  operationId?: string;
  tags?: string[];
  security?: unknown;
  parameters?: { name: string }[];
}

/**
 * An app with the proxy's routes, at the root and under the base path, and answers of no meaning. It listens, because Elysia answers
 * static routes elsewhere then.
 */
function listeningApp(basePath = "") {
  const app = new Elysia()
    .onError(({ error }) => {
      if (error instanceof ProxyError) return new Response(error.code, { status: error.status });
      return undefined;
    })
    .use(routes("", basePath))
    .options("/*", () => "", { detail: { hide: true } });
  return (basePath === "" ? app : app.use(routes(basePath, basePath))).listen({ hostname: "127.0.0.1", port: 0 });
}

function routes(prefix: string, basePath: string) {
  return new Elysia({ prefix })
    .onBeforeHandle(({ set }) => {
      set.headers["content-security-policy"] = "default-src 'none'";
      set.headers["cache-control"] = "no-store";
      set.headers["x-content-type-options"] = "nosniff";
    })
    .use(docs({ version: "1.2.3", basePath }))
    .get("/health", () => "ok", { detail: healthDetail })
    .get("/servers", () => "[]", { detail: serversDetail })
    .get("/:server/sse", () => "", { detail: openSseDetail })
    .post("/:server/message", () => "", { detail: postMessageDetail });
}

let app: ReturnType<typeof listeningApp>;
let url: string;
beforeAll(() => {
  app = listeningApp();
  url = `http://127.0.0.1:${app.server?.port}`;
});
afterAll(() => app.stop(true));

const assetUrls = async (base = url) =>
  [...(await (await fetch(`${base}/swagger`)).text()).matchAll(/(?:src|href)="([^"]+assets[^"]+)"/g)].map(
    ([, reference]) => new URL(reference ?? "", base),
  );

describe("GET /swagger", () => {
  test.each(["/swagger", "/swagger/"])("%s is our own page, which names no other host", async (path) => {
    const page = await (await fetch(url + path)).text();
    expect(page).toContain('data-specification="/swagger/json"');
    expect(page).not.toMatch(/https?:|unpkg|jsdelivr|cdn/i);
  });

  test("is our own page also where the plugin is the whole app", async () => {
    const alone = docs({ version: "1.2.3", basePath: "" }).listen({ hostname: "127.0.0.1", port: 0 });
    try {
      expect(await (await fetch(`http://127.0.0.1:${alone.server?.port}/swagger`)).text()).not.toContain("jsdelivr");
    } finally {
      await alone.stop(true);
    }
  });

  test("has a policy of its own that allows no inline script and no other origin", async () => {
    const response = await fetch(`${url}/swagger`);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    expect(await response.text()).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=/);
  });

  test.each(["/swagger", "/swagger/json", "/swagger/assets/swagger-ui.css"])(
    "%s keeps the headers that every answer carries",
    async (path) => {
      expect((await fetch(url + path)).headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  test("refers to everything under the base path, escaped", async () => {
    const based = listeningApp('/tools/"mcp"');
    try {
      const page = await (await fetch(`http://127.0.0.1:${based.server?.port}/swagger`)).text();
      const references = [...page.matchAll(/(?:src|href|data-specification)="([^"]*)"/g)].map(
        ([, reference]) => reference,
      );
      expect(references).toHaveLength(6);
      for (const reference of references) expect(reference).toStartWith("/tools/&quot;mcp&quot;/swagger/");
    } finally {
      await based.stop(true);
    }
  });
});

test.each(["", "/tools"])("with a base path, page and files are there at %p/swagger", async (prefix) => {
  const based = listeningApp("/tools");
  try {
    const origin = `http://127.0.0.1:${based.server?.port}`;
    const page = await (await fetch(`${origin}${prefix}/swagger`)).text();
    expect(page).not.toContain("jsdelivr");
    expect((await fetch(`${origin}${prefix}/swagger/assets/swagger-ui.css`)).status).toBe(200);
  } finally {
    await based.stop(true);
  }
});

describe("GET /swagger/assets/:file", () => {
  test("the page's files come with the type that nosniff demands, and may be kept for ever", async () => {
    const types = await Promise.all(
      (await assetUrls()).map(async (asset) => {
        const response = await fetch(asset);
        expect(response.status).toBe(200);
        expect((await response.bytes()).length).toBeGreaterThan(500);
        expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
        return [asset.pathname, response.headers.get("content-type")];
      }),
    );
    expect(Object.fromEntries(types)).toEqual({
      "/swagger/assets/favicon.png": "image/png",
      "/swagger/assets/swagger-ui.css": "text/css; charset=utf-8",
      "/swagger/assets/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
      "/swagger/assets/initializer.js": "text/javascript; charset=utf-8",
    });
  });

  test("the files are those of swagger-ui-dist, byte by byte", async () => {
    const served = await (await fetch(`${url}/swagger/assets/swagger-ui-bundle.js`)).text();
    const original = await Bun.file(Bun.resolveSync("swagger-ui-dist/swagger-ui-bundle.js", import.meta.dir)).text();
    expect(served === original).toBe(true);
  });

  test.each([
    ["gzip, deflate, br", "gzip"],
    ["*", "gzip"],
    ["GZIP;q=0.5", "gzip"],
    ["gzip;q=0, *", null],
    ["br", null],
    ["", null],
    ["identity", null],
  ])("Accept-Encoding %p is answered with %p", async (acceptEncoding, coding) => {
    const init = { headers: { "accept-encoding": acceptEncoding }, decompress: false };
    const response = await fetch(`${url}/swagger/assets/swagger-ui.css`, init);
    const { length } = await response.bytes();
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(response.headers.get("content-length")).toBe(String(length));
    expect(response.headers.get("vary")).toBe("Accept-Encoding");
    expect(length < 100_000).toBe(coding === "gzip");
  });

  test("a URL without the right hash has to be revalidated", async () => {
    for (const query of ["", "?v=", "?v=old", "?v=a&v=b"]) {
      const response = await fetch(`${url}/swagger/assets/initializer.js${query}`);
      expect(response.headers.get("cache-control")).toBe("no-cache");
    }
  });

  test("a matching If-None-Match gets 304 without a body, and another coding's tag does not match", async () => {
    const get = (headers: Record<string, string>) => fetch(`${url}/swagger/assets/initializer.js`, { headers });
    const gzipped = { "accept-encoding": "gzip" };
    const etag = (await get(gzipped)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^"[0-9a-f]{32}-gzip"$/);
    for (const condition of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const response = await get({ ...gzipped, "if-none-match": condition });
      expect(response.status).toBe(304);
      expect(response.headers.get("etag")).toBe(etag);
      expect(await response.text()).toBe("");
    }
    expect((await get({ "accept-encoding": "identity", "if-none-match": etag })).status).toBe(200);
  });

  test.each(["nothing.js", "__proto__", "constructor", "..%2f..%2fpackage.json", "swagger-ui.css%00"])(
    "%s is not found",
    async (name) => {
      expect((await fetch(`${url}/swagger/assets/${name}`)).status).toBe(404);
    },
  );
});

describe("GET /swagger/json", () => {
  const document = async (base = url) => (await (await fetch(`${base}/swagger/json`)).json()) as Specification;
  const operation = ({ paths }: Specification, path: string, method: string) => paths[path]?.[method] ?? {};

  test("describes the four routes by their templates, and neither itself nor the preflight", async () => {
    const { openapi, paths } = await document();
    expect(openapi).toBe("3.0.3");
    expect(Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, Object.keys(item)]))).toEqual({
      "/health": ["get"],
      "/servers": ["get"],
      "/{server}/sse": ["get"],
      "/{server}/message": ["post"],
    });
  });

  test("carries version, base path and the bearer scheme, which guards all but /health", async () => {
    const specification = await document();
    const { info, servers, components } = specification;
    expect(info).toMatchObject({ title: "mcp-sse-proxy", version: "1.2.3" });
    expect(servers).toEqual([{ url: "/" }]);
    expect(components.securitySchemes["bearer"]).toMatchObject({ type: "http", scheme: "bearer" });
    expect(operation(specification, "/health", "get").security).toEqual([]);
    expect(operation(specification, "/servers", "get").security).toEqual([{ bearer: [] }]);
    expect(operation(specification, "/{server}/sse", "get").security).toEqual([{ bearer: [] }]);
    expect(operation(specification, "/{server}/message", "post").security).toEqual([{ bearer: [] }]);
  });

  test.each(["", "/tools"])(
    "names the base path once, as the server, when the proxy is asked at %p",
    async (prefix) => {
      const based = listeningApp("/tools");
      try {
        const { servers, paths } = await document(`http://127.0.0.1:${based.server?.port}${prefix}`);
        expect(servers).toEqual([{ url: "/tools" }]);
        expect(Object.keys(paths).sort()).toEqual(["/health", "/servers", "/{server}/message", "/{server}/sse"]);
      } finally {
        await based.stop(true);
      }
    },
  );

  test("declares each path parameter once", async () => {
    const specification = await document();
    const names = (path: string, method: string) =>
      operation(specification, path, method).parameters?.map(({ name }) => name);
    expect(names("/{server}/sse", "get")).toEqual(["server", "Last-Event-ID", "ENV_GITHUB_PERSONAL_ACCESS_TOKEN"]);
    expect(names("/{server}/message", "post")).toEqual(["server", "sessionId"]);
  });

  test("every $ref leads somewhere, and every operation has an id and a tag of its own", async () => {
    const specification = await document();
    const references = JSON.stringify(specification).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) expect(Object.keys(specification.components.schemas)).toContain(name ?? "");
    const operations = Object.values(specification.paths).flatMap((item) => Object.values(item));
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(4);
    const tags = specification.tags.map(({ name }) => name);
    for (const { tags: own = [] } of operations) expect(tags).toContain(own[0] ?? "");
  });
});
