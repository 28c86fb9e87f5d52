import { isLoopbackHost } from "../guard/host.ts";
import type { Settings } from "./configuration.ts";

/** What is allowed but probably not meant, one sentence each: for the log at start and for `check`. */
export function configurationWarnings(settings: Settings): readonly string[] {
  const warnings: string[] = [...settings.leftAside];
  const { listen, servers, serverDefaults, timeouts } = settings;
  if (servers.size === 0) warnings.push("The allowlist is empty: every request for a server will get 403.");
  for (const { name, program, command } of servers.values()) {
    if (program === undefined) {
      warnings.push(`${JSON.stringify(name)} cannot start: ${JSON.stringify(command[0])} was not found on PATH.`);
    }
  }
  if (!isLoopbackHost(listen.host) && settings.allowedHosts.length === 0) {
    warnings.push(`Listening on ${listen.host} with any Host header: set allowedHosts to the names that clients use.`);
  }
  const { gracefulStopMs } = serverDefaults.timeouts;
  if (timeouts.shutdownMs !== 0 && timeouts.shutdownMs <= gracefulStopMs) {
    warnings.push(
      "timeouts.shutdown is not longer than timeouts.gracefulStop: children will be killed before their time.",
    );
  }
  return warnings;
}
