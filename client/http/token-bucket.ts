/** A rate limit that lets bursts pass: so many are there at once, and so many come again in a second. */
export interface TokenBucket {
  /** Takes one; otherwise the milliseconds until there is one again. */
  take(): { readonly ok: true } | { readonly ok: false; readonly waitMs: number };
}

/** @param now a clock in milliseconds that never goes back */
export function tokenBucket(
  perSecond: number,
  burst: number,
  now: () => number = () => performance.now(),
): TokenBucket {
  let left = burst;
  let at = now();
  return {
    take() {
      const time = now();
      left = Math.min(burst, left + ((time - at) * perSecond) / 1_000);
      at = time;
      if (left < 1) return { ok: false, waitMs: ((1 - left) * 1_000) / perSecond };
      left -= 1;
      return { ok: true };
    },
  };
}
