import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { Secret } from '../../workflows/sdk/secret.js';

/** A JSON-line logger; `fields` are kept beside the message in the journal. */
export interface StepLogger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Writes and reads artifacts; what a step puts carries the step as its producer. */
export interface StepArtifacts {
  /** Stores a local file. `mediaType` defaults by file ending. */
  putFile(path: string, mediaType?: string): Promise<Artifact>;
  /** Stores every file below a directory, and a manifest of them. */
  putDirectory(path: string): Promise<Artifact>;
  putBytes(bytes: Uint8Array, mediaType: string): Promise<Artifact>;
  putJson(value: unknown): Promise<Artifact>;
  /** The path of a verified, read-only local file (or directory, for a manifest). */
  path(artifact: Artifact): Promise<string>;
  bytes(artifact: Artifact): Promise<Uint8Array>;
  json(artifact: Artifact): Promise<unknown>;
}

/** Exact resume: what an attempt saves, the next attempt of the same call loads. */
export interface Checkpoints {
  /**
   * The newest checkpoint of this call, by whichever attempt. While it has none, that of the call which it goes on from: an
   * earlier one of the same trial, or of a better one, in a study. What is gone or damaged is passed by.
   */
  load(): Promise<Checkpoint | undefined>;
  /**
   * Records an artifact as the newest checkpoint. It counts once this returns, and the metrics reported before it are in the
   * journal then. SYSTEM_FENCED when a newer attempt has started: this one must stop.
   */
  save(artifact: Artifact, meta?: CheckpointMeta): Promise<Checkpoint>;
}

/** Small JSON facts, for example `{ epoch: 7 }`. */
export type CheckpointMeta = Record<string, unknown>;

export interface Checkpoint {
  readonly artifact: Artifact;
  readonly meta: CheckpointMeta;
  /** Grows by one with each checkpoint of the call that saved it. */
  readonly sequence: number;
  /** Which attempt of that call saved it. */
  readonly attempt: number;
}

/** What an implementation gets beside its input. */
export interface StepContext {
  readonly log: StepLogger;
  /** The value of a secret, from this worker's environment: `await ctx.secret(slackUrl)`. No log or error shows it. */
  readonly secret: (of: Secret) => Promise<string>;
  readonly artifacts: StepArtifacts;
  readonly checkpoints: Checkpoints;
  /** Says how far the work is: a fraction from 0 to 1, and words. Counts as a sign of life for `progressWithin`. */
  readonly progress: (fraction: number, message?: string) => void;
  /**
   * Records one value of a curve; `at` is the epoch or iteration. NaN and infinities are refused (USER_OUTPUT_INVALID). In a
   * trial whose study decides early by this metric, the run is told each value that has an `at`, in order; nothing waits for
   * that. A value that an earlier attempt has told may come again.
   */
  readonly metric: (name: string, value: number, at?: number) => void;
  /** Aborts when the run cancels the step, the worker drains, or a newer attempt took over. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** 32-bit unsigned seed, the same in every attempt and in every run with the same seed and step id. */
  readonly seed: number;
  /** The same for every attempt of this step in this run: give it to receivers that deduplicate. */
  readonly idempotencyKey: string;
  /** The GPUs that the step asked for (`resources`), which no other step of this worker has: `['0', '3']`. */
  readonly gpus: readonly string[];
  readonly run: { readonly workflowId: string; readonly runId: string; readonly pipeline: string };
  readonly step: { readonly id: string; readonly name: string };
  /** An empty folder of this attempt's own, removed when it ends. */
  readonly workDir: string;
}
