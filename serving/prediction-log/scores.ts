import type { LiveScores, Moments } from '../../workflows/sdk/model/live-report.js';
import type { DuckDbThread, Row } from './duckdb-thread.js';
import { aucInterval, type Estimate, meanInterval, rmseInterval, wilson } from './intervals.js';
import { aucQuery, countQuery, momentsQuery, scoredTable } from './score-queries.js';
import type { SegmentFile } from './segment.js';
import { labelSource, predictionSources } from './sources.js';

/** How the predictions of a version fare against the labels that came back, each as far as the labels allow. */
export interface VersionFeedback {
  /** Rows that were logged, failed ones left out. */
  readonly predictions: number;
  /** Of these, rows whose label came back. */
  readonly labels: number;
  readonly accuracy?: Estimate;
  /** Mean absolute error. */
  readonly mae?: Estimate;
  /** Root of the mean squared error. */
  readonly rmse?: Estimate;
  /** Area under the ROC curve, where there are two classes and their probabilities. */
  readonly auc?: Estimate;
}

/** By version, of the predictions since a time. Only in `exclusive`. */
export async function liveScores(
  thread: DuckDbThread,
  segments: readonly SegmentFile[],
  sinceMs: number,
): Promise<Record<string, LiveScores>> {
  const sources = await predictionSources(segments, sinceMs);
  const labels = labelSource(segments);
  if (sources.length === 0 || labels === undefined) return {};
  const rows = await thread.run(...scoredTable(sources, labels, sinceMs), momentsQuery());
  return Object.fromEntries(rows.map((row) => [row['version'], scoresOf(row)]));
}

function scoresOf(row: Row): LiveScores {
  const accuracy = momentsOf(row, 'accuracy');
  const absoluteError = momentsOf(row, 'absolute');
  const squaredError = momentsOf(row, 'squared');
  return {
    ...(accuracy && { accuracy }),
    ...(absoluteError && { absoluteError }),
    ...(squaredError && { squaredError }),
  };
}

function momentsOf(row: Row, name: string): Moments | undefined {
  const [count, mean, variance] = ['count', 'mean', 'variance'].map((part) => Number(row[`${name}_${part}`] ?? 0));
  if (count === undefined || mean === undefined || variance === undefined || count === 0) return undefined;
  return { count, mean, variance };
}

/** By version, with 95 % intervals. Only in `exclusive`. */
export async function feedbackReport(
  thread: DuckDbThread,
  segments: readonly SegmentFile[],
  sinceMs: number,
): Promise<Record<string, VersionFeedback>> {
  const sources = await predictionSources(segments, sinceMs);
  if (sources.length === 0) return {};
  const counts = await thread.run(countQuery(sources, sinceMs));
  const labels = labelSource(segments);
  const scored = labels === undefined ? [] : scoredTable(sources, labels, sinceMs);
  const moments = labels === undefined ? [] : await thread.run(...scored, momentsQuery());
  const aucs = moments.length === 0 ? [] : await thread.run(...scored, aucQuery());
  const of = (rows: readonly Row[], version: unknown): Row => rows.find((row) => row['version'] === version) ?? {};
  return Object.fromEntries(
    counts.map(({ version, predictions }) => [
      version,
      { predictions: Number(predictions), ...estimates(of(moments, version), of(aucs, version)) },
    ]),
  );
}

function estimates(row: Row, { auc, positives, negatives }: Row): Omit<VersionFeedback, 'predictions'> {
  const { accuracy, absoluteError, squaredError } = scoresOf(row);
  return {
    labels: Number(row['labels'] ?? 0),
    ...(accuracy && { accuracy: wilson(accuracy.mean, accuracy.count) }),
    ...(absoluteError && { mae: meanInterval(absoluteError) }),
    ...(squaredError && { rmse: rmseInterval(squaredError) }),
    ...(auc === undefined ? {} : { auc: aucInterval(Number(auc), Number(positives), Number(negatives)) }),
  };
}
