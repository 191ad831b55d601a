import type { ColumnDrift, DriftReport } from '../../workflows/sdk/model/drift.js';
import { shortName } from '../data/batch-problems.js';
import { type JudgedColumn, type Judgement, missingShare } from './drift-verdict.js';

const mostFeatures = 50;
const mostNotes = 10;
const mostNames = 5;
const mostBytes = 30_000;

/** Why columns were not judged, with their names. */
export type Unjudged = ReadonlyMap<string, readonly string[]>;

export interface Measured {
  readonly rows: number;
  readonly referenceRows: number;
  /** Columns of the reference that the window has not. */
  readonly absent: number;
  readonly unjudged: Unjudged;
  readonly features: Judgement;
  readonly prediction: JudgedColumn | undefined;
  /** Set where there is no verdict. */
  readonly tooFew?: string | undefined;
}

/** What was found, small enough for the event history however many columns there are. */
export function driftReport(measured: Measured): DriftReport {
  const { rows, referenceRows, absent, unjudged, features, prediction, tooFew } = measured;
  const drifts = features.columns.map(columnDrift).sort(worseFirst);
  const drifted = drifts.filter(({ isDrifted }) => isDrifted);
  const predicted = prediction === undefined ? undefined : columnDrift(prediction);
  const judged = features.columns.filter(({ comparison }) => comparison !== undefined).length;
  const report = {
    rows,
    referenceRows,
    isDrifted: drifted.length > 0 || predicted?.isDrifted === true,
    reason: tooFew ?? reasonOf(drifts, predicted, judged),
    ...(predicted === undefined ? {} : { prediction: predicted }),
    quality: {
      missingRatio: rounded(mean(features.columns.map(({ pair }) => missingShare(pair.window)))),
      referenceMissingRatio: rounded(mean(features.columns.map(({ pair }) => missingShare(pair.reference)))),
      judged,
      drifted: drifted.length,
      absent,
      notJudged: [...unjudged.values()].reduce((sum, names) => sum + names.length, 0) - absent,
      tests: features.tests,
      level: rounded(features.level),
    },
    notes: [...unjudged].slice(0, mostNotes).map(([why, names]) => `${why}: ${listed(names)}`),
  };
  const worst = drifts.slice(0, mostFeatures);
  while (Buffer.byteLength(JSON.stringify({ ...report, features: worst })) > mostBytes) worst.pop();
  return { ...report, features: worst };
}

function columnDrift({ pair, comparison, why }: JudgedColumn): ColumnDrift {
  return {
    name: shortName(pair.name),
    kind: pair.kind,
    ...(comparison === undefined
      ? {}
      : {
          psi: rounded(comparison.psi),
          statistic: rounded(comparison.statistic),
          pValue: rounded(comparison.pValue),
          ...(comparison.newCategories === undefined ? {} : { newCategories: comparison.newCategories }),
        }),
    missing: rounded(missingShare(pair.window)),
    referenceMissing: rounded(missingShare(pair.reference)),
    isDrifted: why !== undefined,
    ...(why === undefined ? {} : { why }),
  };
}

function worseFirst(one: ColumnDrift, other: ColumnDrift): number {
  const badness = ({ isDrifted, psi = 0, missing, referenceMissing }: ColumnDrift) =>
    (isDrifted ? 1e6 : 0) + psi + Math.max(0, missing - referenceMissing);
  return badness(other) - badness(one);
}

function reasonOf(drifts: readonly ColumnDrift[], prediction: ColumnDrift | undefined, judged: number): string {
  const drifted = drifts.filter(({ isDrifted }) => isDrifted);
  const parts: string[] = [];
  if (prediction?.isDrifted === true) parts.push(`the prediction has drifted (${prediction.why ?? ''})`);
  if (drifted.length > 0) {
    const shown = drifted.slice(0, 3).map(({ name, why }) => `${JSON.stringify(name)} (${why ?? ''})`);
    const more = drifted.length > 3 ? [`${drifted.length - 3} more`] : [];
    parts.push(`${drifted.length} of ${drifts.length} features have drifted: ${[...shown, ...more].join(', ')}`);
  }
  if (parts.length > 0) return parts.join('; ');
  return judged === 0 && prediction === undefined ? 'no column to judge' : `no drift in ${judged} features`;
}

function listed(names: readonly string[]): string {
  const more = names.length > mostNames ? [`${names.length - mostNames} more`] : [];
  return [...names.slice(0, mostNames).map((name) => JSON.stringify(shortName(name))), ...more].join(', ');
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
