import { jsonDigest } from '../digest.js';
import { EvertrainError, show } from '../errors.js';
import { jsonLength } from '../json-size.js';
import type { Batch, KnownBatch } from './batch.js';
import type { DataState, QuarantinedBatch, WaitingBatch } from './data-state.js';
import type { TrainingRecord } from './model-state.js';
import { type DataPolicy, mostWaiting } from './policy.js';
import type { BatchVerdict } from './runs.js';

/**
 * Data that arrives for a model: batches are told by signal, remembered by id, and wait until there is enough to train
 * on. All of it is pure; the model's workflow (`run-model.ts`) keeps the time and starts the trainings.
 */

/**
 * The state travels when the model continues as new: the engine refuses 2 MB, and warns at 256 KB. What waits, and then is
 * in training, may come to so much only when a burst finds no worker; it is kept then rather than refused.
 */
export const mostWaitingBytes = 400_000;
const mostQuarantined = 100;
const mostQuarantinedBytes = 30_000;
/** Reached only while the archive cannot be written. */
const mostUsedBytes = 60_000;
const mostSeen = 10_000;
/** 46 bits: of 10,000 ids one is taken for another with a probability of one in a million. */
const digestLength = 9;
const mostRejected = 20;

export function noData(): DataState {
  const counts = { received: 0, duplicates: 0, used: 0, rejected: 0, rows: 0 };
  return {
    waiting: [],
    inTraining: [],
    used: [],
    quarantined: [],
    rejected: [],
    counts,
    seen: '',
    waitingBytes: 0,
    trainings: 0,
    checks: 0,
  };
}

const idDigest = (id: string) => (jsonDigest(id).split('-')[0] ?? '').padStart(digestLength, '0').slice(-digestLength);

/** Whether a batch of this id has arrived before, among the newest 10,000. */
export function isKnown({ seen }: DataState, id: string): boolean {
  const digest = idDigest(id);
  let at = seen.indexOf(digest);
  while (at >= 0 && at % digestLength !== 0) at = seen.indexOf(digest, at + 1);
  return at >= 0;
}

/** What `isKnown` looks through each time, for many batches at once. `received` keeps it up to date. */
export function knownDigests({ seen }: DataState): Set<string> {
  const count = seen.length / digestLength;
  return new Set(Array.from({ length: count }, (_, n) => seen.slice(n * digestLength, (n + 1) * digestLength)));
}

/** Takes a batch that arrived; one of an id that is known changes nothing but a count. */
export function received(data: DataState, batch: Batch, now: number, digests?: Set<string>): DataState {
  const { counts } = data;
  const digest = idDigest(batch.id);
  if (digests?.has(digest) ?? isKnown(data, batch.id))
    return { ...data, counts: { ...counts, duplicates: counts.duplicates + 1 } };
  const isFull = data.waiting.length >= mostWaiting || data.waitingBytes > mostWaitingBytes;
  if (isFull) return refused(data, batch.id, now);
  const { refusing, ...rest } = data;
  const isRelieved = data.waiting.length < mostWaiting / 2 && data.waitingBytes < mostWaitingBytes / 2;
  const known = { ...batch, receivedAt: now };
  const all = data.seen + digest;
  const seen = all.slice(-mostSeen * digestLength);
  digests?.add(digest);
  if (seen.length < all.length) digests?.delete(all.slice(0, digestLength));
  return {
    ...rest,
    ...(refusing === undefined || isRelieved ? {} : { refusing }),
    waiting: [...data.waiting, known],
    waitingBytes: data.waitingBytes + jsonLength(known) + 1,
    seen,
    counts: { ...counts, received: counts.received + 1, rows: counts.rows + batch.rows },
  };
}

/** Its id is not remembered, so it may be sent again. */
export function refused(data: DataState, id: string, now: number): DataState {
  const { refusing = { since: now, batches: 0, id } } = data;
  return {
    ...rejectedFor(data, id, 'too many batches wait already; send it again later', now),
    refusing: { ...refusing, batches: refusing.batches + 1 },
  };
}

/** What people are to be told: batches are refused, and nobody has said so yet. */
export function untoldRefusal({ refusing }: DataState): DataState['refusing'] {
  return refusing?.told ? undefined : refusing;
}

/** People have been told of the refusals that began then. */
export function toldOfRefusal(data: DataState, since: number): DataState {
  const { refusing } = data;
  return refusing?.since === since ? { ...data, refusing: { ...refusing, told: true } } : data;
}

function withWaiting(data: DataState, waiting: readonly WaitingBatch[]): DataState {
  return { ...data, waiting, waitingBytes: jsonLength(waiting) };
}

export function rejectedFor(data: DataState, id: string, reason: string, at: number): DataState {
  const rejected = [...data.rejected, { id, reason, at }].slice(-mostRejected);
  return { ...data, rejected, counts: { ...data.counts, rejected: data.counts.rejected + 1 } };
}

/** What is to be done with the waiting data, and when: a time that has come, or will. */
export interface Due {
  readonly what: 'train' | 'check';
  readonly at: number;
}

/**
 * Undefined while nothing says so. Where batches are checked, those that were are trained on first; but once a training
 * has failed as often as it is tried, new batches are checked before it is tried again, alone: they may never be otherwise.
 */
export function due(
  data: DataState,
  policy: DataPolicy,
  isChecking: boolean,
  checksBeforeRetry = true,
): Due | undefined {
  const usable = isChecking ? data.waiting.filter(({ checked }) => checked) : data.waiting;
  const toCheck = usable.length < data.waiting.length;
  if (data.asked && !toCheck) return { what: 'train', at: 0 };
  const train = dueAt(data, usable, policy);
  const check = toCheck ? (data.asked ? 0 : dueAt(data, data.waiting, policy)) : undefined;
  const { failed } = data;
  const isRetry = checksBeforeRetry && failed !== undefined && !failed.isCheck && failed.times >= policy.attempts;
  const isFirst = check === undefined || (train ?? Infinity) < check || (train === check && !isRetry);
  if (train !== undefined && isFirst) return { what: 'train', at: train };
  return check === undefined ? undefined : { what: 'check', at: check };
}

function dueAt({ failed, counts }: DataState, waiting: readonly KnownBatch[], policy: DataPolicy): number | undefined {
  const [first] = waiting;
  if (first === undefined) return undefined;
  const after = policy.afterMs;
  if (failed !== undefined) {
    if (failed.times < policy.attempts) return failed.at + policy.retryDelayMs;
    if (counts.received === failed.received) return after === undefined ? undefined : failed.at + after;
  }
  const rows = waiting.reduce((sum, batch) => sum + batch.rows, 0);
  if (waiting.length >= policy.batches || (policy.rows !== undefined && rows >= policy.rows)) return 0;
  return after === undefined ? undefined : first.receivedAt + after;
}

/** All that may goes into a training. */
export function taken(data: DataState, policy: DataPolicy, isChecking: boolean): DataState {
  const inTraining = data.waiting
    .filter(({ checked }) => checked || !isChecking)
    .map(({ checked: _, ...batch }) => batch);
  const { asked: _, failed, ...rest } = data;
  // What has been tried often enough begins anew with its next trigger.
  const tried = failed === undefined || failed.times >= policy.attempts ? {} : { failed };
  return withWaiting(
    { ...rest, ...tried, inTraining, trainings: data.trainings + 1 },
    data.waiting.filter(({ checked }) => !checked && isChecking),
  );
}

/** What became of the batches in training: used by a version, rejected by a gate, or, after a failure, waiting again. */
export function settled(data: DataState, end: Pick<TrainingRecord, 'outcome' | 'reason'>, now: number): DataState {
  const batches = data.inTraining;
  if (end.outcome === 'failed') {
    return failedOnce(givenBack(data), now);
  }
  const { failed: _, ...before } = data;
  const rest = { ...before, inTraining: [] };
  if (end.outcome === 'rejected') {
    return batches.reduce<DataState>((state, { id }) => rejectedFor(state, id, end.reason, now), rest);
  }
  const used = [...newest(data.used, mostUsedBytes), ...batches];
  return { ...rest, used, counts: { ...data.counts, used: data.counts.used + batches.length } };
}

/** The last ones that fit into so many bytes of JSON; at least one. */
export function newest<T>(items: readonly T[], mostBytes: number): T[] {
  let bytes = 0;
  const first = items.findLastIndex((item, n) => {
    bytes += jsonLength(item) + 1;
    return bytes > mostBytes && n < items.length - 1;
  });
  return items.slice(first + 1);
}

/** The batches of a training that was cancelled for the sake of newer ones go into the next one with them. */
export function givenBack(data: DataState): DataState {
  return withWaiting({ ...data, inTraining: [] }, [...checkedOnes(data.inTraining), ...data.waiting]);
}

export function failedOnce(data: DataState, now: number, { isCheck = false } = {}): DataState {
  const failed = { at: now, times: (data.failed?.times ?? 0) + 1, received: data.counts.received };
  return { ...data, failed: { ...failed, ...(isCheck ? { isCheck } : {}) } };
}

function checkedOnes(batches: readonly KnownBatch[]): WaitingBatch[] {
  return batches.map((batch) => ({ ...batch, checked: true }));
}

/** Takes the verdicts of the quality gate: a batch with problems is quarantined, the others may be trained on. */
export function judged(data: DataState, verdicts: readonly BatchVerdict[], now: number): DataState {
  const problems = new Map(verdicts.map((one) => [one.id, one.problems]));
  const bad = data.waiting.filter(({ id }) => (problems.get(id)?.length ?? 0) > 0);
  const waiting = data.waiting
    .filter((batch) => !bad.includes(batch))
    .map((batch) => (problems.has(batch.id) ? { ...batch, checked: true as const } : batch));
  const quarantined = [
    ...data.quarantined,
    ...bad.map((batch) => ({ batch, problems: problems.get(batch.id) ?? [], at: now })),
  ];
  const kept = newest(quarantined.slice(-mostQuarantined), mostQuarantinedBytes);
  const pushedOut = quarantined.slice(0, quarantined.length - kept.length);
  const { failed: _, ...rest } = data;
  return pushedOut.reduce<DataState>(
    (state, { batch, problems: [first] }) => rejectedFor(state, batch.id, `quarantined: ${first}`, now),
    withWaiting({ ...rest, quarantined: kept }, waiting),
  );
}

/** The quarantined batch of an id: USER_OPTION_INVALID where there is none. */
export function quarantinedBatch(model: string, data: DataState | undefined, id: unknown): QuarantinedBatch {
  const found = data?.quarantined.find(({ batch }) => batch.id === id);
  if (found !== undefined) return found;
  const ids = (data?.quarantined ?? []).map(({ batch }) => batch.id);
  throw new EvertrainError('USER_OPTION_INVALID', `Model "${model}" has no batch ${show(id)} in quarantine.`, {
    value: id,
    remedy: ids.length === 0 ? 'None is held back.' : `It holds back: ${ids.slice(0, 10).join(', ')}.`,
  });
}

/** A quarantined batch waits again, and is not checked once more. */
export function released(data: DataState, { batch }: QuarantinedBatch): DataState {
  return withWaiting(withoutQuarantined(data, batch.id), [...data.waiting, { ...batch, checked: true }]);
}

/** Refuses an id of which no batch waits or is held back. */
export function checkDrop(model: string, data: DataState | undefined, id: unknown): void {
  if (data?.waiting.some((batch) => batch.id === id)) return;
  quarantinedBatch(model, data, id);
}

/** A batch that is held back, or waits (and makes each training fail, say), is rejected for good. */
export function dropped(data: DataState, id: string, reason: string, now: number): DataState {
  const waiting = data.waiting.filter((batch) => batch.id !== id);
  return rejectedFor(withWaiting(withoutQuarantined(data, id), waiting), id, reason, now);
}

function withoutQuarantined(data: DataState, id: string): DataState {
  return { ...data, quarantined: data.quarantined.filter(({ batch }) => batch.id !== id) };
}
