import type { CallerChildren } from "./caller-children.ts";
import type { PooledChild } from "./pooled-child.ts";
import { isIdle } from "./variants.ts";

/** Ends the child that has been idle for longest, of all or of one caller's. @returns whether there was one. */
export function evictIdlest(callers: ReadonlyMap<string, CallerChildren>, ofKey?: string): boolean {
  let oldest: { children: CallerChildren; pooled: PooledChild } | undefined;
  for (const [key, children] of callers) {
    if (ofKey !== undefined && ofKey !== key) continue;
    for (const pooled of children.pooledChildren()) {
      if (!isIdle(pooled) || (oldest !== undefined && pooled.idleSince >= oldest.pooled.idleSince)) continue;
      oldest = { children, pooled };
    }
  }
  if (oldest === undefined) return false;
  oldest.children.dismiss(oldest.pooled, "evicted");
  return true;
}
