import { existsSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { RowLabel } from '../../workflows/sdk/model/labels.js';
import type { LiveScores } from '../../workflows/sdk/model/live-report.js';
import { modelFeatures } from '../model-features.js';
import type { Prediction } from '../prediction.js';
import { compactSegment, removeLeftovers, removeOldest } from './compaction.js';
import { DuckDbThread } from './duckdb-thread.js';
import { type LogState, ModelLog } from './model-log.js';
import { type PredictionLogOptions, type ResolvedLogOptions, resolveLogOptions } from './options.js';
import { feedbackReport, liveScores, type VersionFeedback } from './scores.js';
import { listSegments, logFolder, type SegmentFile } from './segment.js';
import { type WindowAnswer, type WindowRequest, writeWindow } from './window.js';

/**
 * What the model server predicted, from what, and what turned out to be true. `append` costs the answer microseconds;
 * lines are written in the background every 20 ms and flushed every 200 ms, so a killed process loses 20 ms of rows, a
 * power cut 200 ms. A disk that does not serve costs rows, which are counted, and never an answer. Labels, on the
 * contrary, are on the disk before they are acknowledged.
 *
 * Closed segments become Parquet files, in a thread beside the server and only where DuckDB is installed; queries read
 * Parquet and JSONL together, each row once.
 */

export interface FeedbackAnswer {
  /** Rows whose label is kept now. */
  readonly accepted: number;
  /** Rows that had this very label already. */
  readonly duplicates: number;
  /** Of both, rows that are not among the newest predictions of this process; kept all the same. */
  readonly unknown: number;
}

interface Surroundings {
  readonly dataDir: string;
  /** Where windows are put. */
  readonly store: ArtifactStore;
  readonly log: (message: string) => void;
}

export class PredictionLog {
  readonly #options: ResolvedLogOptions;
  readonly #surroundings: Surroundings;
  readonly #thread: DuckDbThread;
  readonly #models = new Map<string, ModelLog>();
  readonly #tended = new Map<ModelLog, Promise<void>>();
  #housekeeping: NodeJS.Timeout | undefined;
  #isDuckDbMissing = false;
  #isClosed = false;

  /** USER_OPTION_INVALID. */
  constructor(surroundings: Surroundings, options: PredictionLogOptions = {}) {
    this.#options = resolveLogOptions(options);
    this.#surroundings = surroundings;
    this.#thread = new DuckDbThread(join(surroundings.dataDir, 'serving', 'predictions', '.spill'));
  }

  /** Tells the names of a version's features, where its ONNX bytes have them. */
  learn(model: string, version: string, onnx: Uint8Array): void {
    let features: string[] | undefined;
    try {
      features = modelFeatures(onnx);
    } catch (error) {
      this.#surroundings.log(`${model} ${version}: ${(error as Error).message}`);
    }
    const log = this.#of(model);
    log.learn(version, features);
    this.#tend(log);
  }

  /** Returns at once and never throws. */
  append(prediction: Prediction): void {
    if (!this.#isClosed) this.#of(prediction.model).append(prediction);
  }

  /** Ends when the labels are on the disk; SYSTEM_STORE_UNAVAILABLE when they cannot be. */
  async feedback(model: string, labels: readonly RowLabel[]): Promise<FeedbackAnswer> {
    const log = this.#of(model);
    const unknown = log.unknown(labels).length;
    return { ...(await log.feedback.add(labels)), unknown };
  }

  /** By version, of the predictions since a time (epoch milliseconds). SYSTEM_PEER_MISSING without DuckDB. */
  scores(model: string, sinceMs: number): Promise<Record<string, LiveScores>> {
    return this.#read(model, (segments) => liveScores(this.#thread, segments, sinceMs));
  }

  /** The same with intervals. SYSTEM_PEER_MISSING without DuckDB. */
  report(model: string, sinceMs: number): Promise<Record<string, VersionFeedback>> {
    return this.#read(model, (segments) => feedbackReport(this.#thread, segments, sinceMs));
  }

  /** Puts what was predicted in a time into the artifact store. SYSTEM_PEER_MISSING without DuckDB. */
  window(model: string, request: WindowRequest): Promise<WindowAnswer> {
    const { store } = this.#surroundings;
    return this.#read(model, (segments, { folder }) => writeWindow(this.#thread, { folder, segments, store }, request));
  }

  /** Whether anything was ever logged for a model. */
  knows(model: string): boolean {
    return this.#models.has(model) || existsSync(logFolder(this.#surroundings.dataDir, model));
  }

  /** Of the models that were served since the start. */
  states(): LogState[] {
    return Array.from(this.#models.values(), (log) => log.state);
  }

  /** Writes what is held, and ends with the query that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#housekeeping);
    await Promise.all(Array.from(this.#models.values(), (log) => log.close()));
    await this.#thread.close();
  }

  #of(model: string): ModelLog {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const log = new ModelLog(model, logFolder(this.#surroundings.dataDir, model), this.#options, {
      log: this.#surroundings.log,
      segmentClosed: () => this.#tend(log),
    });
    this.#models.set(model, log);
    this.#housekeeping ??= setInterval(() => this.#tendAll(), this.#options.segmentAgeMs).unref();
    return log;
  }

  async #read<T>(model: string, query: (segments: SegmentFile[], log: ModelLog) => Promise<T>): Promise<T> {
    const log = this.#of(model);
    await log.flush();
    return this.#thread.exclusive(async () => query(await listSegments(log.folder), log));
  }

  #tendAll(): void {
    for (const log of this.#models.values()) this.#tend(log);
    this.#thread.exclusive(() => this.#tendOthers()).catch(() => undefined);
  }

  /** What is left of models that are served no more is bounded as well. */
  async #tendOthers(): Promise<void> {
    const root = join(this.#surroundings.dataDir, 'serving', 'predictions');
    const served = new Set(Array.from(this.#models.values(), ({ folder }) => folder));
    for (const entry of await readdir(root, { withFileTypes: true })) {
      const folder = join(root, entry.name);
      if (!entry.isDirectory() || served.has(folder)) continue;
      await removeOldest(folder, this.#options, () => false);
      if ((await readdir(folder)).length === 0) await rmdir(folder);
    }
  }

  /** Once for all segments that are closed while it waits for its turn. */
  #tend(log: ModelLog): void {
    if (this.#isClosed || this.#tended.has(log)) return;
    const tending = this.#thread.exclusive(() => {
      this.#tended.delete(log);
      return this.#keepHouse(log);
    });
    this.#tended.set(
      log,
      tending.catch((error: unknown) => {
        this.#tended.delete(log);
        if (!this.#isClosed) this.#surroundings.log(`The prediction log is not tended: ${(error as Error).message}`);
      }),
    );
  }

  async #keepHouse(log: ModelLog): Promise<void> {
    const oldest = Date.now() - this.#options.segmentAgeMs - 60_000;
    await removeLeftovers(log.folder, oldest);
    for (const segment of await listSegments(log.folder)) {
      if (this.#isClosed || this.#isDuckDbMissing) break;
      if (segment.kind !== 'predictions' || segment.format !== 'jsonl' || !this.#isClosedSegment(segment, log))
        continue;
      await this.#compact(segment);
    }
    await removeOldest(log.folder, this.#options, (segment) => log.isOpen(segment));
  }

  /** Another process that ends just now may still write to a young segment that this one did not begin. */
  #isClosedSegment(segment: SegmentFile, log: ModelLog): boolean {
    if (log.isOpen(segment)) return false;
    return log.hasEnded(segment) || segment.beganAt < Date.now() - this.#options.segmentAgeMs - 60_000;
  }

  async #compact(segment: SegmentFile): Promise<void> {
    try {
      await compactSegment(this.#thread, segment);
    } catch (error) {
      this.#isDuckDbMissing = isEvertrainError(error) && error.code === 'SYSTEM_PEER_MISSING';
      const { message } = error as Error;
      this.#surroundings.log(`Predictions stay in ${segment.path} instead of a Parquet file: ${message}`);
    }
  }
}
