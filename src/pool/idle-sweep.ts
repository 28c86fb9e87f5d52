import type { PooledChild } from "./pooled-child.ts";
import { isUnused, type Variants } from "./variants.ts";

export interface SweepOptions {
  readonly variants: Variants;
  /** How long a child stays that nobody uses, in milliseconds. */
  readonly warmMs: number;
  /** How long one serves, in milliseconds; 0: for ever. */
  readonly lifetimeMs: number;
  readonly dismiss: (pooled: PooledChild, reason: string) => void;
}

/** Ends what has been idle or has lived for too long, and forgets variants without children. @returns when to look again; "empty": there is nothing left. */
export function sweepIdle({ variants, warmMs, lifetimeMs, dismiss }: SweepOptions, now: number): number | "empty" {
  let next = Number.POSITIVE_INFINITY;
  let isEmpty = true;
  for (const variant of [...variants.all()]) {
    for (const pooled of [...variant.pooledChildren]) {
      if (lifetimeMs > 0 && now - pooled.bornAt >= lifetimeMs) pooled.isRetired = true;
      const isIdle = isUnused(pooled);
      if (isIdle && pooled.isRetired) dismiss(pooled, "lifetime");
      else if (isIdle && pooled.pins === 0 && now - pooled.idleSince >= warmMs) dismiss(pooled, "idle");
      else {
        isEmpty = false;
        if (isIdle && pooled.pins === 0) next = Math.min(next, pooled.idleSince + warmMs);
        if (lifetimeMs > 0) next = Math.min(next, Math.max(pooled.bornAt + lifetimeMs, now + 1_000));
      }
    }
    if (variant.starts.underWay() > 0) isEmpty = false;
    else if (variant.pooledChildren.size === 0) variants.drop(variant);
  }
  return isEmpty ? "empty" : next;
}
