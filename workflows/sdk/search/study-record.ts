/**
 * What a study leaves in its run's history, by memo writes in order (`memo.study`): its beginning, the end of each call of
 * a trial, its end. Views, the CLI and reports are folded from these alone, whatever a trial is made of.
 */

import type { Artifact } from '../artifact.js';
import type { Params, Space } from './space.js';

export interface Objective {
  /** Field of the trial's output. */
  readonly metric: string;
  readonly direction: 'maximize' | 'minimize';
}

export interface StudyBegan {
  /** Id in the run: its name, `#n` from the second of that name on. Ids of its steps begin `<study>[<trial>]/`. */
  readonly study: string;
  readonly event: 'began';
  readonly objectives: readonly Objective[];
  /** How many trials are planned. */
  readonly trials: number;
  readonly atMost: number;
  /** For people, for example `tpe(multivariate)`. */
  readonly sampler: string;
  readonly scheduler?: string;
  readonly seed: number;
  readonly space: Space;
}

/** One call of a trial has ended. A trial that pauses at a rung is called again when it is promoted. */
export interface TrialEnded {
  readonly study: string;
  readonly event: 'trial';
  /** From 0. */
  readonly trial: number;
  /** From 0; which call of the trial this was. */
  readonly rung: number;
  /** Epochs (or what else the scheduler counts) that the trial has now, in all. */
  readonly budget?: number;
  readonly params: Params;
  /** Completed: at its last rung. Stopped: early, on what it had reported. */
  readonly state: 'completed' | 'paused' | 'stopped' | 'failed';
  /** One for each objective; absent of a failed one. */
  readonly values?: readonly number[];
  /** From the call to its end by the run's clock, waiting for a worker included. */
  readonly seconds: number;
  readonly failure?: { readonly code: string; readonly message: string };
  /** It is the result of this earlier trial, whose parameters were the same. */
  readonly sameAs?: number;
  /** The call of another trial that it went on from (population-based training). */
  readonly from?: { readonly trial: number; readonly rung: number };
}

export interface StudyEnded {
  readonly study: string;
  readonly event: 'ended';
  readonly state: 'completed' | 'stopped' | 'failed';
  /** Why it ended before its trials did. */
  readonly reason?: string;
  /** Number of the best trial, by the first objective. */
  readonly best?: number;
  /** `StudyDocument`, as JSON. */
  readonly artifact?: Artifact;
}

export type StudyRecord = StudyBegan | TrialEnded | StudyEnded;

export const studyMediaType = 'application/vnd.evertrain.study+json';

/** The study as an artifact of that type. */
export interface StudyDocument extends Omit<StudyBegan, 'event'> {
  readonly state: StudyEnded['state'];
  readonly reason?: string;
  readonly best?: number;
  /** In the order of their ends. */
  readonly ended: readonly Omit<TrialEnded, 'study' | 'event'>[];
  /** Share of each parameter in how the first objective varies, adding up to 1 (Optuna); absent where it cannot be told. */
  readonly importance?: Readonly<Record<string, number>>;
}

/** A study to be written. What is too much for one payload is its `ended` as JSON, in artifacts of text. */
export type StudyToWrite = Omit<StudyDocument, 'importance' | 'ended'> &
  ({ readonly ended: StudyDocument['ended'] } | { readonly endedIn: readonly Artifact[] });
