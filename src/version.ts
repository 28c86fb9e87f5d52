// The build replaces these two names (scripts/build); from source they are not defined.
declare const BUILD_VERSION: string | undefined;
declare const BUILD_COMMIT: string | undefined;

import manifest from "../package.json" with { type: "json" };

/** Version of package.json and, in a built binary, the git commit: `0.1.0 (1a2b3c4)`. */
export const VERSION: string =
  typeof BUILD_VERSION === "string" && typeof BUILD_COMMIT === "string"
    ? `${BUILD_VERSION} (${BUILD_COMMIT})`
    : `${manifest.version} (source)`;
