/**
 * E-processes for the mean of numbers from 0 to 1 (of what is counted as happened or not: a share). For a step δ of the
 * log odds the product of the likelihood ratios, exp(δ·sum − count·ln(1 + p(e^δ − 1))), is a supermartingale while the
 * mean is at most p (δ > 0): each factor has expectation at most 1, for e^δx ≤ 1 + x(e^δ − 1) on [0, 1]. So is their mean
 * over fixed steps, whatever stops it, and it ever exceeds 1/α with probability at most α (Ville's inequality). It
 * depends on the totals alone. Source: Ramdas, Grünwald, Vovk and Shafer, Game-theoretic statistics and safe anytime-valid
 * inference (2023), sections 2 and 5.
 */
export interface Tally {
  readonly count: number;
  /** From 0 to `count`. */
  readonly sum: number;
}

/** So that some step is within a factor √2 of the best for any true share; halving costs 17 % of the evidence at most. */
const steps = Array.from({ length: 13 }, (_, i) => 8 / 2 ** i);
const growths = steps.map(Math.expm1);

/** Logarithm of the e-value against "the mean is at most `limit`", 0 to 1; Infinity where that is impossible. */
export function logEvidenceAbove(limit: number, { count, sum }: Tally): number {
  if (limit <= 0) return sum > 0 ? Infinity : 0;
  if (limit >= 1) return 0;
  let largest = -Infinity;
  const logs = steps.map((step, i) => {
    const log = step * sum - count * Math.log1p(limit * (growths[i] as number));
    if (log > largest) largest = log;
    return log;
  });
  let total = 0;
  for (const log of logs) total += Math.exp(log - largest);
  return largest + Math.log(total / steps.length);
}

/** The same against "the mean is at least `limit`". */
export function logEvidenceBelow(limit: number, { count, sum }: Tally): number {
  return logEvidenceAbove(1 - limit, { count, sum: count - sum });
}
