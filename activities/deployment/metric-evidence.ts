import type { LiveCounts, LiveScores, Moments } from '../../workflows/sdk/model/live-report.js';
import type { LiveMetric } from '../../workflows/sdk/model/rollout-guards.js';
import { logEvidenceAbove, logEvidenceBelow } from '../statistics/bernoulli-evidence.js';
import { leastOfConvex } from '../statistics/least-of-convex.js';

/**
 * Evidence that one arm's metric is worse than the other's by more than is allowed, at any number of looks. For each mean
 * that the champion may truly have there is an e-process of its labels against that mean, and one of the challenger's
 * against the worst mean that is allowed beside it; the arms being independent, their product is one for the pair (arrivals
 * may mix in any way). What the least of these products over all means of the champion says, all pairs that are allowed
 * say: it exceeds 1/α with probability at most α where the challenger is as good as allowed.
 *
 * For accuracy the e-processes are exact; see bernoulli-evidence.ts. For errors they are those of a normal mixture with
 * the sample's variance, whose one-arm form is the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy
 * and Ramdas, Time-uniform central limit theory and asymptotic confidence sequences (2021), theorem 2.2: exact in the
 * limit, so they say nothing below `fewestLabels` labels an arm.
 */
export const fewestLabels = 50;

/** ρ² of the theorem: the boundary is tightest at about 500 labels an arm, −(2 ln α − ln(1 − 2 ln α))/500. */
const tuning = 0.025;

export function momentsOf(metric: LiveMetric, counts: LiveCounts | undefined): Moments | undefined {
  const scores: LiveScores = counts?.scores ?? {};
  if (metric === 'accuracy') return scores.accuracy;
  return metric === 'mae' ? scores.absoluteError : scores.squaredError;
}

/** Logarithm of the e-value, at least 0, against "worse by at most `worseBy`", in the metric's unit. */
export function logMetricEvidence(metric: LiveMetric, worseBy: number, champion: Moments, challenger: Moments): number {
  const log =
    metric === 'accuracy'
      ? ofAccuracy(worseBy, champion, challenger)
      : ofErrors((mean) => worstMean(metric, mean, worseBy), champion, challenger);
  return Math.max(0, log);
}

function ofAccuracy(worseBy: number, champion: Moments, challenger: Moments): number {
  const [one, other] = [tally(champion), tally(challenger)];
  if (one.count === 0 || other.count === 0 || other.sum / other.count >= one.sum / one.count - worseBy) return 0;
  const evidence = (mean: number) => logEvidenceAbove(mean, one) + logEvidenceBelow(mean - worseBy, other);
  // The least is no more than what any mean says, so where one that is likely says nothing, the search is spared.
  const likely = (one.sum + other.sum + worseBy * other.count) / (one.count + other.count);
  if (evidence(likely) <= 0) return 0;
  return leastOfConvex(evidence, worseBy, 1);
}

function tally({ count, mean }: Moments) {
  return { count, sum: Math.min(count, Math.max(0, count * mean)) };
}

/** The worst mean that is allowed beside a champion's; that of an rmse is its square. */
function worstMean(metric: LiveMetric, mean: number, worseBy: number): number {
  return metric === 'rmse' ? (Math.sqrt(mean) + worseBy) ** 2 : mean + worseBy;
}

function ofErrors(worst: (mean: number) => number, champion: Moments, challenger: Moments): number {
  if (Math.min(champion.count, challenger.count) < fewestLabels) return 0;
  const gap = challenger.mean - worst(champion.mean);
  // Equal means differ in their last digits by the order of their sums.
  if (!(gap > 1e-9 * challenger.mean)) return 0;
  // At most the gap: with it the champion's mean alone would explain what the challenger's is.
  return leastOfConvex(
    (mean) => logNormalEvidence(champion, mean) + logNormalEvidence(challenger, worst(mean)),
    champion.mean,
    champion.mean + gap,
  );
}

/** ρ²n²d²/(2σ²(nρ² + 1)) − ½ ln(nρ² + 1), where d is the distance of the sample's mean. */
function logNormalEvidence({ count, mean, variance }: Moments, truth: number): number {
  const scale = count * tuning + 1;
  const distance = mean - truth;
  const exponent = distance === 0 ? 0 : (tuning * (count * distance) ** 2) / (2 * variance * scale);
  return exponent - 0.5 * Math.log(scale);
}
