/**
 * Stands in for a proxy: starts a guardian and three children, and tells it about two of them, of which one has gone by
 * then. Prints `ready` and the instance's name, then lives until it is killed or its stdin ends. Argument: a PATH on
 * which `sh` is the shell to try; second argument: text that all the children have in their command line.
 */
import { startGuardian } from "../../src/process/guardian.ts";
import { instanceName, MARKER_VARIABLE } from "../../src/process/instance.ts";
import { spawnProcess } from "../../src/process/spawn.ts";

const [, , path = "", seconds = ""] = process.argv;
const instance = instanceName(process.pid);
const guardian = startGuardian(instance, { PATH: path });
if (guardian === undefined) throw new Error("there is no guardian");

const start = (script: string, environment: Readonly<Record<string, string>>): number =>
  spawnProcess({
    command: ["/bin/sh", "-c", script],
    cwd: "/",
    environment: { PATH: process.env["PATH"] ?? "", ...environment },
    output: "ignore",
  }).pid;

const sleep = `sleep ${seconds}`;
// A group whose members have no marker, and ignore all that can be ignored.
guardian.watch(start(`trap '' TERM INT HUP; env -i /bin/sh -c 'trap "" TERM INT HUP; ${sleep}1; :' & wait`, {}));
// A process that has left its group and is known by its marker alone.
guardian.watch(start(`setsid ${sleep}2 & wait`, { [MARKER_VARIABLE]: `${instance}.2` }));
// Nobody's any more: a group that was forgotten must not be killed, since its number may be somebody else's by now.
const forgotten = start(`${sleep}3; :`, {});
guardian.watch(forgotten);
guardian.forget(forgotten);

console.log(`ready ${instance}`);
await Bun.stdin.text();
guardian.close();
