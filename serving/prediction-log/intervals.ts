import type { Moments } from '../../workflows/sdk/model/live-report.js';

/** A number with its 95 % confidence interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Quantile 0.975 of the standard normal distribution. */
const z = 1.959963984540054;

/** A share of `count` trials: the score interval of Wilson (1927). */
export function wilson(share: number, count: number): Estimate {
  const scale = 1 + z ** 2 / count;
  const centre = (share + z ** 2 / (2 * count)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** A mean of absolute values, by the normal approximation; no interval, but the value thrice, of one observation. */
export function meanInterval({ mean, variance, count }: Moments): Estimate {
  const half = z * Math.sqrt(variance / count);
  return { value: mean, low: Math.max(0, mean - half), high: mean + half };
}

/** The root of the mean squared error; its standard error is that of the mean over twice the root (delta method). */
export function rmseInterval({ mean, variance, count }: Moments): Estimate {
  const value = Math.sqrt(mean);
  const half = value === 0 ? 0 : (z * Math.sqrt(variance / count)) / (2 * value);
  return { value, low: Math.max(0, value - half), high: value + half };
}

/** The area under the ROC curve; standard error of Hanley and McNeil (Radiology 143, 1982). */
export function aucInterval(auc: number, positives: number, negatives: number): Estimate {
  const q1 = auc / (2 - auc);
  const q2 = (2 * auc ** 2) / (1 + auc);
  const spread = auc * (1 - auc) + (positives - 1) * (q1 - auc ** 2) + (negatives - 1) * (q2 - auc ** 2);
  const half = z * Math.sqrt(Math.max(0, spread) / (positives * negatives));
  return { value: auc, low: Math.max(0, auc - half), high: Math.min(1, auc + half) };
}
