/**
 * What a store or journal may offer beyond its port, so that garbage collection is exact while others write. Without
 * it, collection falls back on plain `delete`, whose age check is not atomic.
 */
export interface SweepableStore {
  /** Removes the object unless it was written or used at or after the time (epoch ms); whether it did. Atomic. */
  deleteIfOlder(sha256: string, beforeMs: number): Promise<boolean>;
}

export interface Tidyable {
  /** Removes what killed writers left behind before the time (epoch ms); how many files or folders. */
  removeLeftovers(beforeMs: number): Promise<number>;
}

export function isSweepable(store: object): store is SweepableStore {
  return typeof (store as Partial<SweepableStore>).deleteIfOlder === 'function';
}

export function isTidyable(store: object): store is Tidyable {
  return typeof (store as Partial<Tidyable>).removeLeftovers === 'function';
}
