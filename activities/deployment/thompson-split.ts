import type { Moments } from '../../workflows/sdk/model/live-report.js';
import type { LiveMetric } from '../../workflows/sdk/model/rollout-guards.js';
import { type Beta, shareAbove } from '../statistics/beta-comparison.js';
import { normalShareBelow } from '../statistics/normal-share-below.js';

/**
 * How live requests are split between two versions that are to find out which is the better one, as Thompson sampling
 * would (Thompson, 1933; Russo et al., A Tutorial on Thompson Sampling, 2018): it gives each request to the arm that is
 * better in a draw from what is believed of both, so the challenger's share of the requests is the probability that it is
 * better. The server is told that share instead of every label, and keeps to it until it is told the next.
 *
 * For accuracy the belief is exact: Beta(1 + rights, 1 + wrongs). For errors (mae; rmse by its squares) it is normal, with
 * the sample's variance over its count, as in Welch's test.
 */
export interface SplitOptions {
  readonly metric: LiveMetric;
  /** Of the labels of each arm: of accuracy, of absolute errors (mae) or of squared errors (rmse). */
  readonly champion: Moments | undefined;
  readonly challenger: Moments | undefined;
  /**
   * The least share of each arm in percent, 0 to 50. At 0 an arm keeps a ten-thousandth of the requests, so that no run of
   * bad luck is final: labels of it still come, and its share rises with them.
   */
  readonly floor: number;
  /** How probable it must be that an arm is better for the split to stop; default 0.99. */
  readonly sureAt?: number;
  /**
   * Labels that each arm must have before the split stops; default 100. An arm whose probability is below a ten-thousandth
   * gets hardly any more: it has lost with fewer, if the other has so many.
   */
  readonly fewestLabels?: number;
}

export interface Split {
  /** The challenger's share of the requests in percent. */
  readonly percent: number;
  readonly probabilityBetter: number;
  /** The better arm, once that is sure enough. */
  readonly stop?: 'challenger' | 'champion';
}

/** Below so many labels of an arm the normal belief is not to be trusted, and requests are split evenly. */
const fewestErrors = 30;
const leastPercent = 0.01;

export function challengerShare(options: SplitOptions): Split {
  const { metric, floor } = options;
  const champion = options.champion ?? nothing;
  const challenger = options.challenger ?? nothing;
  const probabilityBetter =
    metric === 'accuracy' ? shareAbove(belief(challenger), belief(champion)) : probabilityLower(challenger, champion);
  const least = Math.max(floor, leastPercent);
  const percent = Math.min(100 - least, Math.max(least, 100 * probabilityBetter));
  const stop = isSettled(probabilityBetter, challenger, champion, options)
    ? 'challenger'
    : isSettled(1 - probabilityBetter, champion, challenger, options)
      ? 'champion'
      : undefined;
  return { percent, probabilityBetter, ...(stop === undefined ? {} : { stop }) };
}

function isSettled(
  probability: number,
  better: Moments,
  worse: Moments,
  { sureAt = 0.99, fewestLabels = 100 }: SplitOptions,
): boolean {
  if (probability < sureAt || better.count < fewestLabels) return false;
  return worse.count >= fewestLabels || probability > 1 - leastPercent / 100;
}

const nothing: Moments = { count: 0, mean: 0, variance: 0 };

function belief({ count, mean }: Moments): Beta {
  const rights = Math.min(count, Math.max(0, Math.round(count * mean)));
  return { successes: 1 + rights, failures: 1 + count - rights };
}

function probabilityLower(one: Moments, other: Moments): number {
  if (Math.min(one.count, other.count) < fewestErrors) return 0.5;
  const gap = other.mean - one.mean;
  if (gap === 0) return 0.5;
  return normalShareBelow(gap / Math.sqrt(one.variance / one.count + other.variance / other.count));
}
