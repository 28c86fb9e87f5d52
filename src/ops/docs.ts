import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import { ProxyError } from "../base/errors.ts";
import { assetAnswer } from "./docs/asset-answer.ts";
import { type Assets, isAssetName, readAssets } from "./docs/assets.ts";
import { CONTENT_SECURITY_POLICY, documentationPage } from "./docs/page.ts";
import { type OpenApiOptions, openApi } from "./openapi/document.ts";

/**
 * Swagger UI at `/swagger`, the OpenAPI document of all the app's routes at `/swagger/json`, and the page's files under
 * `/swagger/assets`. All of it comes out of the executable: the page works without internet access. The files are read when the
 * page is first asked for. Whoever uses it puts it under a prefix where the app has one, and `set.headers` on its answers; the
 * page's own policy wins.
 */
export function docs(options: OpenApiOptions) {
  let reading: Promise<Assets> | undefined;
  const assets = () => {
    reading ??= readAssets();
    return reading;
  };

  // nativeStaticResponse is off because the plugin's own page, which loads a CDN, is a static response: Elysia would answer with it
  // ahead of the route that takes its place below (elysia 1.4.30).
  return new Elysia({ name: "docs", nativeStaticResponse: false })
    .use(
      swagger({
        path: "/swagger",
        specPath: "/swagger/json",
        documentation: openApi(options),
        excludeMethods: ["OPTIONS", "HEAD"],
        // The document names the base path once, as its server.
        exclude: options.basePath === "" ? [] : new RegExp(`^${RegExp.escape(options.basePath)}/`),
      }),
    )
    .get(
      "/swagger",
      async () =>
        new Response(documentationPage(options.basePath, await assets()), {
          headers: {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "cache-control": "no-cache",
          },
        }),
      { detail: { hide: true } },
    )
    .get(
      "/swagger/assets/:file",
      async ({ params, query, request }) => {
        const files = await assets();
        if (!isAssetName(files, params.file)) throw new ProxyError("not_found");
        return assetAnswer(files[params.file], {
          version: query["v"],
          acceptEncoding: request.headers.get("accept-encoding"),
          ifNoneMatch: request.headers.get("if-none-match"),
        });
      },
      { detail: { hide: true } },
    );
}
