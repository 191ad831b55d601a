import { logGamma } from './log-gamma.js';
import { normalShareBelow } from './normal-share-below.js';

/** A Beta distribution of a share, of whole parameters from 1. */
export interface Beta {
  readonly successes: number;
  readonly failures: number;
}

/** Above it the normal approximation is within 2e-3 (1e-4 for samples of about one size), and the sum only takes time. */
export const mostTerms = 10_000;

/**
 * Probability that a draw of `one` is above a draw of `other`. Exact as a sum of as many terms as the smallest of the four
 * parameters: with Beta(a, b) for `other` and Beta(c, d) for `one` it is Σ from i = 0 to c − 1 of
 * B(a + i, b + d) / ((d + i) B(1 + i, d) B(a, b)) (E. Miller, Formulas for Bayesian A/B Testing, 2014), whose terms stand
 * to each other as (a + i)(d + i) to (a + b + d + i)(1 + i); the sums over the other three parameters follow from
 * swapping the draws, and successes with failures. Where even the smallest is above `mostTerms`, the distributions are all but
 * normal.
 */
export function shareAbove(one: Beta, other: Beta): number {
  const least = Math.min(one.successes, one.failures, other.successes, other.failures);
  if (least > mostTerms) return normalShareAbove(one, other);
  if (one.successes === least) return sumOver(one, other);
  if (other.failures === least) return sumOver(mirrored(other), mirrored(one));
  if (other.successes === least) return 1 - sumOver(other, one);
  return 1 - sumOver(mirrored(one), mirrored(other));
}

/** The sum, over the successes of `one`. */
function sumOver(one: Beta, other: Beta): number {
  const { successes: c, failures: d } = one;
  const { successes: a, failures: b } = other;
  // The first term, B(a, b + d) / B(a, b), may be below the least number where later ones are not.
  let log = logGamma(b + d) + logGamma(a + b) - logGamma(a + b + d) - logGamma(b);
  let sum = Math.exp(log);
  for (let i = 0; i < c - 1; i++) {
    log += Math.log(((a + i) / (a + b + d + i)) * ((d + i) / (1 + i)));
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}

function mirrored({ successes, failures }: Beta): Beta {
  return { successes: failures, failures: successes };
}

export function normalShareAbove(one: Beta, other: Beta): number {
  const [first, second] = [normal(one), normal(other)];
  return normalShareBelow((first.mean - second.mean) / Math.sqrt(first.variance + second.variance));
}

function normal({ successes, failures }: Beta) {
  const total = successes + failures;
  return { mean: successes / total, variance: (successes * failures) / (total * total * (total + 1)) };
}
