import { MARKER_VARIABLE } from "./instance.ts";
import { spawnProcess } from "./spawn.ts";

/**
 * Reads the group of each child that starts (`+ID`) and ends (`-ID`). End of input without a `quit` means that the proxy
 * was killed: then it kills the groups that remain, and whoever carries the instance's marker.
 */
const SCRIPT = `
trap '' TERM INT HUP
groups=' '
while read -r change; do
  id=\${change#?}
  case $change in
    quit) exit 0 ;;
    +*) groups="$groups$id " ;;
    -*) case $groups in *" $id "*) groups="\${groups%% $id *} \${groups#* $id }" ;; esac ;;
  esac
done
for id in $groups; do kill -KILL "-$id" 2>/dev/null; done
[ -d /proc/self ] || exit 0
for round in 1 2 3; do
  found=
  for entry in /proc/[0-9]*; do
    if tr '\\0' '\\n' 2>/dev/null <"$entry/environ" | grep -q "^$1\\."; then
      kill -KILL "\${entry#/proc/}" 2>/dev/null && found=1
    fi
  done 2>/dev/null
  [ -n "$found" ] || exit 0
done
`;

/** Outlives the proxy by a moment, to end what a proxy killed with SIGKILL could not. */
export interface Guardian {
  readonly watch: (group: number) => void;
  readonly forget: (group: number) => void;
  readonly close: () => void;
}

/**
 * Starts the guardian: a POSIX shell of about one megabyte in a session of its own. Where there is no shell (Windows, an
 * empty container) there is none, and the next start of the proxy finds what was left.
 */
export function startGuardian(instance: string, environment: Readonly<Record<string, string>>): Guardian | undefined {
  const shell = process.platform === "win32" ? null : Bun.which("sh", { PATH: environment["PATH"] ?? "/usr/bin:/bin" });
  if (shell === null) return undefined;
  const guardian = spawnProcess({
    command: [shell, "-c", SCRIPT, "mcp-sse-proxy-guardian", `${MARKER_VARIABLE}=${instance}`],
    cwd: "/",
    environment: { PATH: environment["PATH"] ?? "/usr/bin:/bin" },
    output: "ignore",
  });
  // A proxy that has nothing else to wait for must not wait for its guardian.
  guardian.unref();
  // A guardian that was killed costs us the guard, not the proxy. It shows in any call, thrown or rejected (Bun 1.4.5).
  const attempt = (act: () => unknown) => {
    try {
      Promise.resolve(act()).catch(() => undefined);
    } catch {
      // The same.
    }
  };
  const tell = (line: string) => {
    attempt(() => guardian.stdin.write(line));
    attempt(() => guardian.stdin.flush());
  };
  return {
    watch: (group) => tell(`+${group}\n`),
    forget: (group) => tell(`-${group}\n`),
    close: () => {
      tell("quit\n");
      attempt(() => guardian.stdin.end());
    },
  };
}
