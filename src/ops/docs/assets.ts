import { promisify } from "node:util";
import { gzip } from "node:zlib";
import favicon from "swagger-ui-dist/favicon-32x32.png" with { type: "file" };
import style from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import initializer from "./initializer.js" with { type: "file" };

/** A file of the documentation page. */
export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes in gzip coding; undefined for a type that is compressed already. */
  readonly gzipped: Uint8Array<ArrayBuffer> | undefined;
  readonly type: string;
  /** Changes with the bytes: a part of the SHA-256 in hexadecimal. */
  readonly hash: string;
}

export type AssetName = "swagger-ui.css" | "swagger-ui-bundle.js" | "initializer.js" | "favicon.png";
export type Assets = Readonly<Record<AssetName, Asset>>;

const JAVASCRIPT = "text/javascript; charset=utf-8";

/** Reads and compresses the files of the page (some 100 ms, off the main thread); they take 2.5 MB of memory. */
export async function readAssets(): Promise<Assets> {
  const [css, ui, start, icon] = await Promise.all([
    readAsset(style, "text/css; charset=utf-8"),
    readAsset(bundle, JAVASCRIPT),
    readAsset(initializer, JAVASCRIPT),
    readAsset(favicon, "image/png"),
  ]);
  return { "swagger-ui.css": css, "swagger-ui-bundle.js": ui, "initializer.js": start, "favicon.png": icon };
}

export function isAssetName(assets: Assets, name: string): name is AssetName {
  return Object.hasOwn(assets, name);
}

async function readAsset(path: string, type: string): Promise<Asset> {
  const bytes = await Bun.file(path).bytes();
  const hash = new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32);
  const gzipped = type.startsWith("text/") ? new Uint8Array(await promisify(gzip)(bytes)) : undefined;
  return { bytes, gzipped, type, hash };
}
