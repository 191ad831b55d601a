import { durbinProbability } from './durbin-matrix.js';

/**
 * P(D ≥ d) of the Kolmogorov–Smirnov statistic of n values against a known distribution. Which formula holds where is after
 * R. Simard and P. L'Ecuyer, "Computing the two-sided Kolmogorov–Smirnov distribution" (2011), as in scipy.stats.kstwo.
 * Beyond 10,000 values Smirnov's sum would be long: there Pelz and Good's expansion is good to 1e-10.
 */
export function kolmogorovTail(n: number, d: number): number {
  if (d <= 0) return 1;
  if (d >= 1) return 0;
  const squared = n * d * d;
  if (d >= 0.5 || (n <= 10_000 && squared >= (n <= 140 ? 4 : 2.2))) return Math.min(1, 2 * smirnovTail(n, d));
  if (n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4)) return clipped(1 - durbinProbability(n, d));
  return squared >= 18 ? 2 * Math.exp(-2 * squared) : clipped(1 - pelzGood(n, d));
}

/**
 * The asymptotic p-value of the two-sample test: `statistic` is taken for that of as many values as the harmonic mean of
 * the sizes says, as scipy.stats.ks_2samp(method='asymp') does. Ties make it larger than it is.
 */
export function twoSampleTail(statistic: number, n: number, m: number): number {
  return kolmogorovTail(roundHalfEven((n * m) / (n + m)), statistic);
}

/** P(D⁺ ≥ d) of the one-sided statistic: Smirnov's sum over the values that may lie above (Birnbaum and Tingey, 1951). */
function smirnovTail(n: number, d: number): number {
  const last = Math.floor(n * (1 - d));
  let logChoose = 0;
  let sum = 0;
  for (let v = 0; v <= last; v++) {
    const rest = 1 - d - v / n;
    if (rest <= 0) break;
    sum += Math.exp(logChoose + (v - 1) * Math.log(d + v / n) + (n - v) * Math.log(rest));
    logChoose += Math.log((n - v) / (v + 1));
  }
  return d * sum;
}

/** P(D ≤ d) to the order n^(-3/2) (W. Pelz and I. J. Good, 1976), in the form that converges for small d too. */
function pelzGood(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const [z2, z4, z6] = [z ** 2, z ** 4, z ** 6];
  const p2 = Math.PI ** 2;
  if (-p2 / 8 / z2 < -708) return 0;
  const sums = [0, 0, 0, 0] as [number, number, number, number];
  const more: [number, number] = [0, 0];
  for (let k = Math.ceil((16 * z) / Math.PI); k > 0; k--) {
    const m = 2 * k - 1;
    const weight = Math.exp((-p2 / 8 / z2) * m * m);
    sums[0] += weight;
    sums[1] += weight * (-z2 + (p2 / 4) * m ** 2);
    sums[2] +=
      weight * (6 * z6 + 2 * z4 + ((2 * z4 - 5 * z2) * p2 * m ** 2) / 4 + (p2 ** 2 * (1 - 2 * z2) * m ** 4) / 16);
    sums[3] +=
      weight *
      (-30 * z6 -
        90 * z ** 8 +
        (p2 * (135 * z4 - 96 * z6) * m ** 2) / 4 +
        (p2 ** 2 * (212 * z4 - 60 * z2) * m ** 4) / 16 +
        (p2 ** 3 * (5 - 30 * z2) * m ** 6) / 64);
    const other = Math.exp((-p2 / 2 / z2) * k * k) * k * k;
    more[0] += other;
    more[1] += other * (3 * z2 - p2 * k * k);
  }
  const root = Math.sqrt(2 * Math.PI);
  const second = (root * sums[2]) / (72 * z ** 7) - (root * p2 * more[0]) / (36 * z ** 3);
  const third = (root * sums[3]) / (6480 * z ** 10) + (root * p2 * more[1]) / (216 * z6);
  return (root * sums[0]) / z + (root * sums[1]) / (6 * z4) / Math.sqrt(n) + second / n + third / n ** 1.5;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

function clipped(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}
