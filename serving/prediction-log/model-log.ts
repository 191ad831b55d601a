import { randomUUID } from 'node:crypto';
import { isLabelId, type RowLabel } from '../../workflows/sdk/model/labels.js';
import type { Prediction } from '../prediction.js';
import { encodeRows, fits, planRows, predictionType, requestRows, type RowPlan } from './encode-rows.js';
import { FeedbackLog } from './feedback-log.js';
import { groupOf } from './layout.js';
import type { ResolvedLogOptions } from './options.js';
import { PredictionWriter } from './prediction-writer.js';
import { Recent } from './recent.js';
import type { SegmentFile } from './segment.js';

/** Answers whose ids a label is looked up among, about. */
const rememberedIds = 100_000;
/** Open segments; a model whose requests take more forms than that has them closed in turn. */
const mostWriters = 8;

export interface LogState {
  readonly model: string;
  /** Rows that were not written since the server started. */
  readonly dropped: number;
  /** ISO 8601; the first of them. */
  readonly droppedSince?: string;
  /** Why nothing can be written now. */
  readonly problem?: string;
}

interface PlannedWriter {
  readonly plan: RowPlan;
  readonly group: string;
  readonly writer: PredictionWriter;
}

interface ModelLogEvents {
  readonly log: (message: string) => void;
  readonly segmentClosed: () => void;
}

/** The log of one model: a writer for each layout of rows, and the labels. */
export class ModelLog {
  readonly folder: string;
  readonly feedback: FeedbackLog;
  readonly #model: string;
  readonly #options: ResolvedLogOptions;
  readonly #mask: ReadonlySet<string>;
  readonly #events: ModelLogEvents;
  readonly #features = new Map<string, readonly string[] | undefined>();
  readonly #plans = new Map<string, PlannedWriter>();
  /** Least recently used first. */
  readonly #writers = new Map<string, PredictionWriter>();
  /** Stems of the segments that this process has closed. */
  readonly #ended = new Set<string>();
  readonly #closing = new Set<Promise<unknown>>();
  readonly #ids = new Recent<number>(rememberedIds / 2);
  #dropped = 0;
  #droppedSince: string | undefined;
  #problem: string | undefined;

  constructor(model: string, folder: string, options: ResolvedLogOptions, events: ModelLogEvents) {
    this.#model = model;
    this.folder = folder;
    this.#options = options;
    this.#mask = new Set(options.mask);
    this.#events = events;
    this.feedback = new FeedbackLog(folder);
  }

  get state(): LogState {
    return {
      model: this.#model,
      dropped: this.#dropped,
      ...(this.#droppedSince === undefined ? {} : { droppedSince: this.#droppedSince }),
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** Names of the features of a version. */
  learn(version: string, features: readonly string[] | undefined): void {
    this.#features.set(version, features);
    this.#plans.delete(version);
  }

  /** Returns at once and never throws. */
  append(prediction: Prediction): void {
    try {
      // A name that no label can give is none; the row then has one of its own.
      const id = isLabelId(prediction.id) ? prediction.id : randomUUID();
      const isLogged = prediction.error !== undefined || isSampled(id, this.#options.sampling);
      if (isLogged) this.#append(prediction, id);
    } catch (error) {
      this.#drop(1, `a prediction cannot be written down: ${(error as Error).message}`);
    }
  }

  #append(prediction: Prediction, id: string): void {
    const rows = requestRows(prediction);
    const { plan, writer } = this.#planFor(prediction);
    let written = 0;
    for (const line of encodeRows(prediction, plan, id)) {
      if (!writer.append(line)) break;
      written++;
    }
    if (written > 0 && prediction.error === undefined) this.#ids.set(id, written);
    if (written < rows) this.#drop(rows - written, 'the buffer is full, or a row is too long');
  }

  #planFor(prediction: Prediction): PlannedWriter {
    const { version } = prediction;
    const known = this.#plans.get(version);
    const type = predictionType(prediction);
    const isKnown = known !== undefined && fits(known.plan, prediction);
    if (isKnown && (type === undefined || type === known.plan.layout.prediction)) {
      if (this.#writers.size > 1) this.#use(known.group, known.plan);
      return known;
    }
    const plan = planRows(prediction, { features: this.#features.get(version), mask: this.#mask });
    const group = groupOf(plan.layout);
    const made = { plan, group, writer: this.#use(group, plan) };
    this.#plans.set(version, made);
    return made;
  }

  #use(group: string, { layout }: RowPlan): PredictionWriter {
    const writer = this.#writers.get(group) ?? this.#newWriter(layout);
    this.#writers.delete(group);
    this.#writers.set(group, writer);
    const [oldest] = this.#writers;
    if (this.#writers.size > mostWriters && oldest !== undefined) this.#retire(...oldest);
    return writer;
  }

  #newWriter(layout: RowPlan['layout']): PredictionWriter {
    return new PredictionWriter(this.folder, layout, this.#options, {
      closed: (stem) => {
        this.#ended.add(stem);
        this.#events.segmentClosed();
      },
      problem: (reason) => this.#tell(reason),
    });
  }

  #retire(group: string, writer: PredictionWriter): void {
    this.#writers.delete(group);
    for (const [version, made] of this.#plans) if (made.writer === writer) this.#plans.delete(version);
    const closing = writer.close().then((lost) => {
      this.#closing.delete(closing);
      if (lost > 0) this.#drop(lost, 'the disk did not take them');
    });
    this.#closing.add(closing);
  }

  #drop(rows: number, why: string): void {
    this.#dropped += rows;
    this.#droppedSince ??= new Date().toISOString();
    if (this.#dropped === rows) this.#events.log(`Predictions of ${this.#model} are not logged: ${why}.`);
  }

  #tell(reason: string | undefined): void {
    if (reason === this.#problem) return;
    this.#problem = reason;
    const { log } = this.#events;
    if (reason === undefined)
      log(`Predictions of ${this.#model} are logged again; ${this.#dropped} rows were dropped.`);
    else log(`Predictions of ${this.#model} are held in memory, because they cannot be logged: ${reason}`);
  }

  /** Ids of labels that no prediction of this process is known to have had. */
  unknown(labels: readonly RowLabel[]): RowLabel[] {
    return labels.filter(({ id, row }) => row >= (this.#ids.get(id) ?? 0));
  }

  isOpen({ stem }: SegmentFile): boolean {
    if (this.feedback.openStem === stem) return true;
    return [...this.#writers.values()].some((writer) => writer.openStem === stem);
  }

  hasEnded({ stem }: SegmentFile): boolean {
    return this.#ended.has(stem);
  }

  /** Ends when readers see every row that was appended before. */
  async flush(): Promise<void> {
    await Promise.all([...this.#closing, ...Array.from(this.#writers.values(), (writer) => writer.flush())]);
  }

  async close(): Promise<void> {
    for (const [group, writer] of [...this.#writers]) this.#retire(group, writer);
    await Promise.all([...this.#closing, this.feedback.close()]);
  }
}

/** By the id alone, so that a shadow is logged with its original, and a repetition with the first. */
function isSampled(id: string, sampling: number): boolean {
  if (sampling >= 1) return true;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  // Ids that count up differ in their last characters only: spread them (finalizer of MurmurHash3).
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < sampling;
}
