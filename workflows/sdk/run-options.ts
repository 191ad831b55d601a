import type { StartedOn } from './assets/messages.js';
import type { KnownBatch } from './model/batch.js';
import type { Priority } from './priority.js';
import type { Provenance } from './provenance.js';
import type { Rerun } from './rerun.js';
import type { Planned } from './schedule/messages.js';

/** Second start argument of a pipeline run (the first is the pipeline's input). */
export interface RunOptions {
  /** Seed from which every step's seed is derived; default 0. */
  readonly seed?: number;
  /** What reproduces the run, gathered by the client: commit, dirty diff, lock files, packages, platform. */
  readonly provenance?: Provenance;
  /** The batches that a model's data led to this training with, oldest first. */
  readonly window?: readonly KnownBatch[];
  /** Set when a model started the run: the outcome is signalled to this workflow id. */
  readonly reportTo?: { readonly workflowId: string; readonly trigger: string };
  /** Set by `rerun --from`: recorded outputs handed over. */
  readonly rerun?: Rerun;
  /** Earlier runs whose steps' checkpoints those of the same id go on from, newest first (trials of a study). */
  readonly resumes?: readonly { readonly workflowId: string; readonly runId: string }[];
  /** Asks the step cache for nothing: every step that is not handed over runs. */
  readonly fresh?: boolean;
  /** Of the run's steps, whatever they declare: in their queues and pools. */
  readonly priority?: Priority;
  /** Of a chunk of a fan-out: most items at work in it at once. */
  readonly atMost?: number;
  /** Set in a replay only, which asks where the code calls what; see trace.ts. */
  readonly trace?: true;
  /** What planned the run, or the date that it was given. */
  readonly planned?: Planned;
  /** The rule that started the run, and the news of assets that it did so on. */
  readonly startedOn?: StartedOn;
}
