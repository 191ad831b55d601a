import type { Journal } from '../../activities/sdk/ports.js';

/** A small seeded generator (mulberry32): numbers from 0 to 1. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A journal whose operations wait until the schedule picks them, one at a time and in an order that only the seed
 * decides: every interleaving of its users can be had again.
 */
export function interleavedJournal(inner: Journal, random: () => number) {
  const waiting: (() => void)[] = [];
  let isRunning = false;
  const step = () => {
    if (isRunning) return;
    isRunning = true;
    // After all users that can go on have asked for their next operation.
    setImmediate(() => {
      const [run] = waiting.splice(Math.floor(random() * waiting.length), 1);
      if (run === undefined) isRunning = false;
      else run();
    });
  };
  const scheduled = async <T>(operation: () => Promise<T>): Promise<T> => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      step();
    });
    try {
      return await operation();
    } finally {
      isRunning = false;
      step();
    }
  };
  const journal: Journal = {
    create: (...asked) => scheduled(() => inner.create(...asked)),
    put: (key, body) => scheduled(() => inner.put(key, body)),
    get: (key) => scheduled(() => inner.get(key)),
    list: (prefix) => scheduled(() => inner.list(prefix)),
    append: (key, lines) => scheduled(() => inner.append(key, lines)),
    read: (key, cursor) => scheduled(() => inner.read(key, cursor)),
    delete: (prefix) => scheduled(() => inner.delete(prefix)),
  };
  return journal;
}
