import { logGamma } from './log-gamma.js';

const mostTerms = 1_000_000;
const tiny = 1e-300;

/**
 * Regularised upper incomplete gamma function Q(a, x) = Γ(a, x) / Γ(a), for a > 0 and x ≥ 0: by the series of P below
 * a + 1, where it converges fast, and by Legendre's continued fraction above (Press et al., Numerical Recipes, 6.2).
 */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  const factor = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? Math.max(0, 1 - factor * series(a, x)) : Math.min(1, factor * fraction(a, x));
}

function series(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let i = 1; i < mostTerms && term > sum * Number.EPSILON; i++) {
    term *= x / (a + i);
    sum += term;
  }
  return sum;
}

/** Lentz's algorithm. */
function fraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let value = d;
  for (let i = 1; i < mostTerms; i++) {
    const numerator = -i * (i - a);
    b += 2;
    d = 1 / apartFromZero(numerator * d + b);
    c = apartFromZero(b + numerator / c);
    const change = c * d;
    value *= change;
    if (Math.abs(change - 1) < Number.EPSILON) break;
  }
  return value;
}

function apartFromZero(value: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}
