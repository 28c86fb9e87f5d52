import type { Server, ServerLimits, ServerTimeouts } from "../process/server.ts";

/** Where a setting's value came from. Flags win over the environment, that over the file, that over the defaults. */
export type Source = "flag" | "environment" | "file" | "default";

/** The effective value of a scalar setting, for reports. */
export interface EffectiveSetting {
  readonly source: Source;
  /** As a flag or an environment variable would hold it; for a secret only "set". */
  readonly text: string;
}

/** What the configuration came to: plain values for the parts of the proxy. */
export interface Settings {
  /** Name of the configuration file; undefined: there is none. */
  readonly file: string | undefined;
  /** The bearer secret. Never to be shown. */
  readonly secret: string;
  readonly listen: {
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
    /** "" or "/x/y". */
    readonly basePath: string;
  };
  readonly rateLimit: {
    /** 0: no rate limit. */
    readonly requestsPerMinute: number;
    readonly burst: number;
  };
  /** Exact origins in canonical form. */
  readonly corsOrigins: readonly string[];
  /** Hosts in canonical form, or "*"; empty: the default, which depends on the address. */
  readonly allowedHosts: readonly string[];
  /** IP addresses, CIDR blocks, "loopback", "private", "fly". */
  readonly trustedProxies: readonly string[];
  /** 0 switches one off. */
  readonly limits: {
    readonly sessions: number;
    readonly requestBytes: number;
    readonly concurrentStarts: number;
    readonly pooledChildren: number;
    readonly parkedCalls: number;
  };
  /** What a server has that says nothing else of its own. */
  readonly serverDefaults: { readonly limits: ServerLimits; readonly timeouts: ServerTimeouts };
  /** 0 switches it off. */
  readonly timeouts: { readonly shutdownMs: number };
  readonly containment: "auto" | "bubblewrap" | "none";
  readonly log: {
    readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
    /** "auto": pretty on a terminal, JSON otherwise. */
    readonly format: "pretty" | "json" | "auto";
  };
  /** The allowlist, by name. */
  readonly servers: ReadonlyMap<string, Server>;
  /** Each setting by its environment name. */
  readonly sources: ReadonlyMap<string, EffectiveSetting>;
}
