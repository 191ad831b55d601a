import { normalShareBelow } from '../statistics/normal-share-below.js';
import { randomIntegers } from './random-integers.js';

/**
 * How much better one model is than another by scores of both on the same rows. Rows are what chance drew, so rows are
 * resampled, both scores of one together: what makes a row hard for both models cancels out, and much smaller gains show
 * than by two intervals side by side. The answer is one-sided: only a challenger that is better may replace a champion.
 *
 * Up to `mostResampledRows` rows it is the percentile bootstrap of 2,000 resamples (Efron and Tibshirani, An Introduction
 * to the Bootstrap, 1993, chapter 13). Above it, where that would only cost time, the bound of the normal distribution
 * that the bootstrap comes to: gain − z·s/√n, s being the standard deviation of the rows' paired differences (central
 * limit theorem) and, for the root of a mean, of the differences x/(2√x̄) − y/(2√ȳ) (delta method; van der Vaart,
 * Asymptotic Statistics, 1998, theorem 3.1).
 *
 * Rows that are alike (the hours of a day) are not what chance drew; their group is. Then groups are resampled whole, with
 * the mean over their rows as the ratio of two sums (Davison and Hinkley, Bootstrap Methods and their Application, 1997,
 * section 3.8), and it is groups that are counted.
 */
export interface PairedScores {
  /** One score for each row, in the same order, finite. */
  readonly challenger: Float64Array;
  readonly champion: Float64Array;
  /** The number of each row's group, from 0; default: each row is one of its own. */
  readonly groups?: Float64Array;
  /** What becomes of the rows' scores: their mean, or (of squared errors) its root. */
  readonly summary: 'mean' | 'rootMean';
  readonly direction: 'maximize' | 'minimize';
  readonly threshold: number;
  /** One-sided, from 0.5 to 1. */
  readonly confidence: number;
  /** 32-bit. */
  readonly seed: number;
}

export interface PairedGain {
  readonly challenger: number;
  readonly champion: number;
  /** Positive where the challenger is better, in the unit of the summary. */
  readonly gain: number;
  /** The lower bound of the gain. */
  readonly gainAtLeast: number;
  readonly isBetter: boolean;
}

/** Rows, or groups of them. */
export const mostResampledRows = 20_000;
const resamples = 2_000;

/** At least one row is needed. */
export function pairedGain(scores: PairedScores): PairedGain {
  const { summary, direction, threshold, confidence } = scores;
  const [mean, other] = [meanOf(scores.challenger), meanOf(scores.champion)];
  const sign = direction === 'maximize' ? 1 : -1;
  const [challenger, champion] = summary === 'mean' ? [mean, other] : [Math.sqrt(mean), Math.sqrt(other)];
  const gain = sign * (challenger - champion);
  const units = unitsOf(scores);
  const drawn = units.rows.length;
  const gainAtLeast =
    drawn > mostResampledRows ? normalBound(units, scores, gain) : resampledBound(units, scores, sign);
  // Sums of equal numbers differ in their last digits by order, so less than a billionth of the scores' size is no gain.
  const rounding = 1e-9 * Math.max(sizeOf(scores.challenger, summary), sizeOf(scores.champion, summary));
  return {
    challenger,
    champion,
    gain: plain(gain),
    gainAtLeast: plain(gainAtLeast),
    isBetter: drawn >= fewestRows(confidence) && gainAtLeast - threshold > rounding,
  };
}

/** What chance draws: groups with the sums of their rows' scores, or the rows themselves. */
interface Units {
  readonly challenger: Float64Array;
  readonly champion: Float64Array;
  /** How many rows each has. */
  readonly rows: Float64Array;
}

function unitsOf({ challenger, champion, groups }: PairedScores): Units {
  if (groups === undefined) return { challenger, champion, rows: new Float64Array(challenger.length).fill(1) };
  const count = groups.reduce((most, group) => Math.max(most, group + 1), 0);
  const units = {
    challenger: new Float64Array(count),
    champion: new Float64Array(count),
    rows: new Float64Array(count),
  };
  for (const [row, group] of groups.entries()) {
    units.challenger[group] = (units.challenger[group] as number) + (challenger[row] as number);
    units.champion[group] = (units.champion[group] as number) + (champion[row] as number);
    units.rows[group] = (units.rows[group] as number) + 1;
  }
  return units;
}

/**
 * With fewer rows (or groups) nothing is shown: two equal models differ the same way on each of n rows with a chance of 2⁻ⁿ (the sign
 * test), and a resample never leaves what was seen. 5 at a confidence of 0.95.
 */
export function fewestRows(confidence: number): number {
  return Math.ceil(-Math.log2(1 - confidence) - 1e-9);
}

function resampledBound(units: Units, { summary, confidence, seed }: PairedScores, sign: number): number {
  const next = randomIntegers(seed);
  const count = units.rows.length;
  const scale = count / 2 ** 32;
  const gains = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    let [sum, other, rows] = [0, 0, 0];
    for (let drawn = 0; drawn < count; drawn++) {
      const unit = Math.floor(next() * scale);
      sum += units.challenger[unit] as number;
      other += units.champion[unit] as number;
      rows += units.rows[unit] as number;
    }
    const difference = summary === 'mean' ? (sum - other) / rows : Math.sqrt(sum / rows) - Math.sqrt(other / rows);
    gains[i] = sign * difference;
  }
  return quantile(gains.sort(), 1 - confidence);
}

function normalBound(units: Units, { challenger, champion, summary, confidence }: PairedScores, gain: number): number {
  const [mean, other] = [meanOf(challenger), meanOf(champion)];
  const [slope, otherSlope] = [slopeAt(mean, summary), slopeAt(other, summary)];
  const deviations = units.challenger.map((sum, unit) => {
    const rows = units.rows[unit] as number;
    return (sum - mean * rows) * slope - ((units.champion[unit] as number) - other * rows) * otherSlope;
  });
  const squares = deviations.reduce((sum, deviation) => sum + deviation ** 2, 0);
  const count = deviations.length;
  return gain - (normalQuantile(confidence) * Math.sqrt((squares * count) / (count - 1))) / challenger.length;
}

/** Of the summary, by the mean. Where no row has an error the mean is 0 and stays it, whatever is drawn. */
function slopeAt(mean: number, summary: PairedScores['summary']): number {
  if (summary === 'mean') return 1;
  return mean === 0 ? 0 : 1 / (2 * Math.sqrt(mean));
}

/** Between the two order statistics around it, linearly (type 7 of Hyndman and Fan, as NumPy does). */
function quantile(sorted: Float64Array, share: number): number {
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const [low, high] = [sorted[below] as number, sorted[Math.ceil(at)] as number];
  return low + (high - low) * (at - below);
}

/** Bisection of the distribution function: slow next to a rational approximation, and plainly right. */
export function normalQuantile(share: number): number {
  let [low, high] = [-9, 9];
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (normalShareBelow(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sizeOf(values: Float64Array, summary: PairedScores['summary']): number {
  const size = values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
  return summary === 'mean' ? size : Math.sqrt(size);
}

/** A 0 without a sign: -0 prints as such, and equals 0 in some comparisons only. */
function plain(value: number): number {
  return value === 0 ? 0 : value;
}
