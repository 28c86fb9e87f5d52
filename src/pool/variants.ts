import { type Era, type EraMemory, servedEra } from "../link/eras.ts";
import type { Profile } from "../link/handshake.ts";
import type { Server } from "../process/server.ts";
import type { LeaseRequest, VariantFacts } from "./lease.ts";
import type { PooledChild } from "./pooled-child.ts";
import { createStarts, type Starts } from "./starts.ts";

/** Variants that are not told apart by how they were initialised. */
const MODERN = "modern";
const UNKNOWN = "unknown";

/** How long a start goes on without anybody who waits for it, where the server sets no time for a start. */
const LONGEST_UNWANTED_MS = 180_000;

/** Children that were started alike, and the starts of more. */
export interface Variant extends VariantFacts {
  readonly key: string;
  /** Whether the era of its children is known; as long as it is not, all wait for the first one. */
  readonly isKnown: boolean;
  readonly pooledChildren: Set<PooledChild>;
  readonly starts: Starts;
}

/** The variants of one caller's children. */
export interface Variants {
  /** Where the children are that serve such a request, as far as the server's era is known. */
  readonly of: (request: Pick<LeaseRequest, "profile" | "wanted">) => Variant;
  /** Where a child belongs whose era was not known before it was started. */
  readonly ofChild: (pooled: PooledChild, profile: Profile) => Variant;
  readonly all: () => Iterable<Variant>;
  readonly pooledChildren: () => Iterable<PooledChild>;
  /** Forgets one in which nothing is, and nothing starts. */
  readonly drop: (variant: Variant) => void;
}

export function createVariants(server: Server, eras: EraMemory): Variants {
  const variants = new Map<string, Variant>();
  const unwantedMs = server.timeouts.startMs === 0 ? LONGEST_UNWANTED_MS : Number.POSITIVE_INFINITY;

  const variantOf = (profile: Profile, wanted: Era): Variant => {
    const era = servedEra(eras.of(server), wanted);
    const legacyKey = `legacy ${profile.revision} ${profile.capabilities}`;
    // Modern children know nothing of their clients.
    const key = era === "legacy" ? legacyKey : era === "modern" ? MODERN : UNKNOWN;
    const known = variants.get(key);
    if (known !== undefined) return known;
    // What is known may be in doubt; the children that are there serve all the same.
    if (key === UNKNOWN) {
      const living = [variants.get(legacyKey), variants.get(MODERN)].find(
        (variant) => variant !== undefined && usable(variant).length > 0,
      );
      if (living !== undefined) return living;
    }
    const variant: Variant = {
      key,
      isKnown: key !== UNKNOWN,
      pooledChildren: new Set(),
      asksRoots: undefined,
      starts: createStarts(unwantedMs),
    };
    variants.set(key, variant);
    return variant;
  };

  return {
    of: ({ profile, wanted }) => variantOf(profile, wanted),
    ofChild: ({ identity }, profile) => variantOf(profile, identity.era),
    all: () => variants.values(),
    pooledChildren: function* () {
      for (const { pooledChildren } of variants.values()) yield* pooledChildren;
    },
    drop: ({ key }) => void variants.delete(key),
  };
}

/** Children that others may use, too, or that nobody uses. */
export function usable({ pooledChildren }: Variant): readonly PooledChild[] {
  return [...pooledChildren].filter(({ isRetired, isAlone, link }) => !isRetired && !isAlone && !link.isEnded());
}

/** Takes the child that fits best of those that are free for such a use; undefined: there is none. */
export function take(variant: Variant, { mode, roots }: LeaseRequest): PooledChild | undefined {
  const fitting = usable(variant).filter((pooled) => pooled.roots === undefined || pooled.roots === roots);
  const free = fitting.toSorted((a, b) => Number(b.roots === roots) - Number(a.roots === roots));
  const pooled = mode === "shared" ? free[0] : free.find(({ sharers }) => sharers === 0);
  if (pooled === undefined) return undefined;
  if (mode === "shared") pooled.sharers++;
  else pooled.isAlone = true;
  return pooled;
}

/** Children of the places that one may have alone; one whose client is away to answer leaves its place to others. */
export function countTaken({ pooledChildren }: Variant): number {
  return [...pooledChildren].filter(({ isParked }) => !isParked).length;
}

/** Of the children that nobody uses or keeps, the one for which that has been so for longest; undefined: there is none. */
export function longestIdle({ pooledChildren }: Variant): PooledChild | undefined {
  const idle = [...pooledChildren].filter(isIdle);
  return idle.toSorted((a, b) => a.idleSince - b.idleSince)[0];
}

/** Whether no call uses a child. */
export function isUnused({ sharers, isAlone }: PooledChild): boolean {
  return sharers === 0 && !isAlone;
}

/** Whether no call uses a child, and nobody wants it to stay. */
export function isIdle(pooled: PooledChild): boolean {
  return isUnused(pooled) && pooled.pins === 0;
}
