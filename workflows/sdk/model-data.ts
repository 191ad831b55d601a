import { isArtifact, type Artifact } from './artifact.js';
import { jsonDigest } from './digest.js';
import { type Duration, durationMs } from './duration.js';
import { EvertrainError, show } from './errors.js';
import { jsonLength } from './json-size.js';
import { checkOptions } from './options.js';
import type { TrainingRecord } from './protocol.js';
import { decode, type Schema } from './schema.js';

/**
 * Data that arrives for a model: batches are told by signal, remembered by id, and wait until there is enough to train
 * on. All of it is pure; the model's workflow (`run-model.ts`) keeps the time and starts the trainings.
 */

/** Data that has arrived, where it lies: at `uri` or as `artifact`. */
export interface Batch {
  /** Its sender's name for it: a second one of the same id is ignored. 1 to 200 characters. */
  readonly id: string;
  readonly uri?: string;
  readonly artifact?: Artifact;
  readonly rows: number;
  /** When its data came about, as the sender says; epoch milliseconds. Default: when it arrived. */
  readonly at?: number;
  /** Small facts, at most 1,000 bytes of JSON. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** A batch as a model keeps it. */
export interface KnownBatch extends Batch {
  /** When the model took it; epoch milliseconds. */
  readonly receivedAt: number;
}

export interface DataOptions {
  /** Checks each batch, in the client and on the model's side. */
  readonly event?: Schema;
  /** The pipeline's input for the batches of a training, in the order in which they arrived. */
  readonly toInput: (batches: readonly KnownBatch[]) => unknown;
  /** Any of these starts a training; data that arrives meanwhile waits for the next. */
  readonly retrainWhen: {
    /** So many rows wait. */
    readonly rows?: number;
    /** So many batches wait. */
    readonly batches?: number;
    /** The first waiting batch has waited so long. */
    readonly orAfter?: Duration;
  };
  /** What a training uses: the new batches (default), or also earlier ones, up to the newest so many of all. */
  readonly window?: 'new' | { readonly batches: number };
}

export interface DataPolicy {
  readonly event: Schema | undefined;
  readonly toInput: DataOptions['toInput'];
  readonly rows: number | undefined;
  readonly batches: number;
  readonly afterMs: number | undefined;
  /** How many batches a window may have; 0: the new ones. */
  readonly windowBatches: number;
}

/** What a model knows of its data. Every batch is in one place: waiting, in training, used by a version, or rejected. */
export interface DataState {
  readonly waiting: readonly KnownBatch[];
  /** The batches that the open training was started for; they wait again when it fails. */
  readonly inTraining: readonly KnownBatch[];
  /** The newest used batches that later windows may need. */
  readonly used: readonly KnownBatch[];
  /** The newest rejected ones, at most 20, and why. */
  readonly rejected: readonly { readonly id: string; readonly reason: string; readonly at: number }[];
  readonly counts: {
    readonly received: number;
    readonly duplicates: number;
    readonly used: number;
    readonly rejected: number;
    readonly rows: number;
  };
  /** Digests of the newest 5,000 ids, by which a batch that comes again is known. */
  readonly seen: readonly string[];
  /** How many trainings data has started. */
  readonly trainings: number;
  /** Until a new batch arrives, or `orAfter` has passed since, what failed is not tried again. */
  readonly failedAt?: number;
}

/** At most so many batches wait in a model's state, which travels when it continues as new. */
const mostWaiting = 1_000;
const mostInWindow = 500;
const mostSeen = 5_000;
const mostRejected = 20;
const maxAttributesBytes = 1_000;
const maxUriLength = 1_000;

export function noData(): DataState {
  const counts = { received: 0, duplicates: 0, used: 0, rejected: 0, rows: 0 };
  return { waiting: [], inTraining: [], used: [], rejected: [], counts, seen: [], trainings: 0 };
}

export function dataPolicy(owner: string, options: DataOptions): DataPolicy {
  checkOptions(`${owner}: data`, options, ['event', 'toInput', 'retrainWhen', 'window']);
  const { event, toInput, retrainWhen, window = 'new' } = options;
  if (typeof toInput !== 'function') {
    throw invalid(owner, 'toInput', toInput, 'Pass a function from batches to the input of the pipeline.');
  }
  checkOptions(`${owner}: data.retrainWhen`, retrainWhen ?? {}, ['rows', 'batches', 'orAfter']);
  const { rows, batches, orAfter } = retrainWhen ?? {};
  if (rows === undefined && batches === undefined && orAfter === undefined) {
    throw invalid(owner, 'retrainWhen', retrainWhen, 'Give `rows`, `batches` or `orAfter`.');
  }
  for (const [name, value] of Object.entries({ rows, batches })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw invalid(owner, `retrainWhen.${name}`, value, 'Use a whole number from 1.');
    }
  }
  const windowBatches = window === 'new' ? 0 : window?.batches;
  if (window !== 'new' && !(Number.isInteger(windowBatches) && windowBatches > 0 && windowBatches <= mostInWindow)) {
    throw invalid(owner, 'window', window, `Use 'new', or { batches: 1 to ${mostInWindow} }.`);
  }
  return {
    event,
    toInput,
    rows,
    batches: Math.min(batches ?? mostWaiting, mostWaiting),
    afterMs: orAfter === undefined ? undefined : durationMs(orAfter, `${owner}: data.retrainWhen.orAfter`),
    windowBatches,
  };
}

function invalid(owner: string, field: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: data.${field} is ${show(value)}.`, { value, remedy });
}

/** USER_SIGNAL_INVALID where it is no batch, or not one as the model's schema wants it. */
export function checkBatch(model: string, event: Schema | undefined, given: unknown): Batch {
  const batch = (typeof given === 'object' && given !== null ? given : {}) as Partial<Batch>;
  const { id, uri, artifact, rows, at, attributes } = batch;
  const wrong = (field: string, value: unknown, remedy: string) =>
    new EvertrainError('USER_SIGNAL_INVALID', `A batch for model "${model}" has ${field} ${show(value)}.`, {
      value,
      remedy,
    });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (typeof id !== 'string' || !/^[^\u0000-\u001f\u007f]{1,200}$/.test(id)) {
    throw wrong('the id', id, 'Use 1 to 200 characters, none of them a control character.');
  }
  if ((uri === undefined) === (artifact === undefined)) {
    throw wrong('a uri and an artifact', { uri, artifact }, 'Give one of them: where the data lies.');
  }
  if (uri !== undefined && (typeof uri !== 'string' || uri === '' || uri.length > maxUriLength)) {
    throw wrong('the uri', uri, `Use a text of 1 to ${maxUriLength} characters.`);
  }
  if (artifact !== undefined && !isArtifact(artifact)) throw wrong('the artifact', artifact, 'Pass a reference.');
  if (!Number.isSafeInteger(rows) || (rows as number) < 0) throw wrong('rows', rows, 'Use a whole number from 0.');
  if (at !== undefined && !Number.isFinite(at)) throw wrong('the time', at, 'Use epoch milliseconds.');
  if (attributes !== undefined && (typeof attributes !== 'object' || attributes === null)) {
    throw wrong('attributes', attributes, 'Use an object.');
  }
  if (jsonLength(attributes) > maxAttributesBytes) {
    throw wrong('attributes of bytes', jsonLength(attributes), `Use at most ${maxAttributesBytes} bytes of JSON.`);
  }
  decode(event, given, 'USER_SIGNAL_INVALID', `a batch for model "${model}"`);
  return {
    id,
    rows: rows as number,
    ...(uri === undefined ? {} : { uri }),
    ...(artifact === undefined ? {} : { artifact }),
    ...(at === undefined ? {} : { at }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

const idDigest = (id: string) => jsonDigest(id).slice(0, 12);

/** Takes a batch that arrived; one of an id that is known changes nothing but a count. */
export function received(data: DataState, batch: Batch, now: number): DataState {
  const digest = idDigest(batch.id);
  const { counts } = data;
  if (data.seen.includes(digest)) return { ...data, counts: { ...counts, duplicates: counts.duplicates + 1 } };
  if (data.waiting.length >= mostWaiting) {
    // Its id is not remembered, so it may be sent again.
    return rejectedFor(data, batch.id, `${mostWaiting} batches wait already; send it again later`, now);
  }
  const { failedAt: _, ...rest } = data;
  return {
    ...rest,
    waiting: [...data.waiting, { ...batch, receivedAt: now }],
    seen: [...data.seen, digest].slice(-mostSeen),
    counts: { ...counts, received: counts.received + 1, rows: counts.rows + batch.rows },
  };
}

export function rejectedFor(data: DataState, id: string, reason: string, at: number): DataState {
  const rejected = [...data.rejected, { id, reason, at }].slice(-mostRejected);
  return { ...data, rejected, counts: { ...data.counts, rejected: data.counts.rejected + 1 } };
}

/** When the waiting data is to be trained on: a time that has come, or will; undefined while nothing says so. */
export function dueAt(data: DataState, policy: DataPolicy): number | undefined {
  const [first] = data.waiting;
  if (first === undefined) return undefined;
  const after = policy.afterMs;
  if (data.failedAt !== undefined) return after === undefined ? undefined : data.failedAt + after;
  const rows = data.waiting.reduce((sum, batch) => sum + batch.rows, 0);
  if (data.waiting.length >= policy.batches || (policy.rows !== undefined && rows >= policy.rows)) return 0;
  return after === undefined ? undefined : first.receivedAt + after;
}

/** All that waits goes into a training; `window` is what it uses. */
export function takeWindow(data: DataState, policy: DataPolicy): { data: DataState; window: readonly KnownBatch[] } {
  const earlier = Math.max(0, policy.windowBatches - data.waiting.length);
  const { failedAt: _, ...rest } = data;
  return {
    window: [...(earlier === 0 ? [] : data.used.slice(-earlier)), ...data.waiting],
    data: { ...rest, waiting: [], inTraining: data.waiting, trainings: data.trainings + 1 },
  };
}

/** What became of the batches in training: used by a version, rejected by a gate, or, after a failure, waiting again. */
export function settled(
  data: DataState,
  policy: Pick<DataPolicy, 'windowBatches'>,
  end: Pick<TrainingRecord, 'outcome' | 'reason'>,
  now: number,
): DataState {
  const batches = data.inTraining;
  const rest = { ...data, inTraining: [] };
  if (batches.length === 0) return rest;
  if (end.outcome === 'failed') return { ...rest, waiting: [...batches, ...data.waiting], failedAt: now };
  if (end.outcome === 'rejected') {
    return batches.reduce<DataState>((state, { id }) => rejectedFor(state, id, end.reason, now), rest);
  }
  const used = policy.windowBatches === 0 ? [] : [...data.used, ...batches].slice(-policy.windowBatches);
  return { ...rest, used, counts: { ...data.counts, used: data.counts.used + batches.length } };
}
