/** The values of the setting `containment` that mean something on this host. */
export type ContainmentMode = "bubblewrap" | "none";

/** "none", and "bubblewrap" where that program can make a PID namespace. What holds for a child must hold in either. */
export function containmentModes(): readonly ContainmentMode[] {
  return canContain() ? ["bubblewrap", "none"] : ["none"];
}

/** Whether bubblewrap works here: it is not everywhere, and most containers forbid what it does. */
export function canContain(): boolean {
  if (Bun.which("bwrap") === null) return false;
  return Bun.spawnSync(["bwrap", "--unshare-pid", "--dev-bind", "/", "/", "--proc", "/proc", "--", "true"]).success;
}
