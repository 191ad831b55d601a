import { upperGamma } from './incomplete-gamma.js';

/** P(χ² ≥ x) for a whole number of degrees of freedom; 1 without any, as nothing can differ then. */
export function chiSquareTail(x: number, degrees: number): number {
  return degrees < 1 ? 1 : upperGamma(degrees / 2, x / 2);
}

/** The x that χ² exceeds with probability `tail`, 0 < tail < 1, to 12 digits; 0 without degrees of freedom. */
export function chiSquareQuantile(tail: number, degrees: number): number {
  if (degrees < 1) return 0;
  let high = degrees + 1;
  while (chiSquareTail(high, degrees) > tail) high *= 2;
  let low = 0;
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2;
    if (chiSquareTail(middle, degrees) > tail) low = middle;
    else high = middle;
  }
  return high;
}
