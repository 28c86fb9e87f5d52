import type { Lease } from "../pool/lease.ts";
import type { LogLevel } from "../wire/envelope.ts";

const DEAF = { onNotification: () => undefined, onAnswer: () => undefined, onFailure: () => undefined };

/**
 * Sets the log level of a legacy child that has one (2025-11-25, server/utilities/logging); it takes effect before whatever is
 * written next. @throws ProxyError as a call does.
 */
export function setLogLevel({ link, identity }: Lease, level: LogLevel): void {
  if (identity.capabilities["logging"] === undefined) return;
  const line = Buffer.from(`{"jsonrpc":"2.0","id":0,"method":"logging/setLevel","params":{"level":"${level}"}}`);
  link.call({ line, method: "logging/setLevel" }, DEAF);
}
