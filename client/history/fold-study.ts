import type { StudyBegan, StudyEnded, StudyRecord, TrialEnded } from '../../workflows/sdk/search/study-record.js';

/** What the records of a study say, in their order. */
export interface StudyFacts {
  readonly began: StudyBegan;
  readonly beganAt: number;
  readonly calls: EndedCall[];
  end?: { readonly record: StudyEnded; readonly at: number };
}

export interface EndedCall {
  readonly record: TrialEnded;
  readonly at?: number;
}

/** Adds a record to its study; passes over what no study of this release writes, and over a study without a beginning. */
export function foldStudy(studies: Map<string, StudyFacts>, record: StudyRecord | undefined, at: number): void {
  if (typeof record?.study !== 'string') return;
  if (record.event === 'began') {
    if (isBeginning(record)) studies.set(record.study, { began: record, beganAt: at, calls: [] });
    return;
  }
  const study = studies.get(record.study);
  if (study === undefined) return;
  if (record.event === 'ended') study.end ??= { record, at };
  else if (record.event === 'trial' && isTrial(record)) study.calls.push({ record, at });
}

function isBeginning({ objectives, space }: StudyBegan): boolean {
  const isNamed = (one: unknown) => typeof (one as { metric?: unknown } | null)?.metric === 'string';
  return Array.isArray(objectives) && objectives.length > 0 && objectives.every(isNamed) && isObject(space);
}

function isTrial({ trial, rung, params, values, seconds }: TrialEnded): boolean {
  const areNumbers = values === undefined || (Array.isArray(values) && values.every(Number.isFinite));
  return areNumbers && isCount(trial) && isCount(rung) && isObject(params) && Number.isFinite(seconds);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
