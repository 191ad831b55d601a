import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { Params, Space } from '../../workflows/sdk/search/space.js';
import type { Objective, TrialEnded } from '../../workflows/sdk/search/study-record.js';
import type { FailureView } from './step-shapes.js';

/** How a study is seen; see `RunView`. Times are epoch milliseconds. */
export interface StudyView {
  /** Id in the run; those of its trials' steps begin `<id>[<trial>]/`, from the second rung on `<id>[<trial>]@<rung>/`. */
  readonly id: string;
  readonly objectives: readonly Objective[];
  /** For people. */
  readonly sampler: string;
  readonly scheduler?: string;
  /** How many trials. */
  readonly planned: number;
  /** How many at once. */
  readonly atMost: number;
  readonly seed: number;
  readonly space: Space;
  readonly startedAt: number;
  readonly status: StudyStatus;
  /** By number; of more than 5,000 the newest. */
  readonly trials: readonly TrialView[];
  /** How many trials before these are not among them: of a study that went on as a new run, they are in its artifact. */
  readonly earlierTrials: number;
  /** Calls of trials that have ended, failed ones included. */
  readonly endedCalls: number;
  /** Where a call of a trial was better than all before it, by the first objective and at whatever budget. */
  readonly bestSoFar: readonly BestPoint[];
  /** Number of the best trial: as the study said at its end; before that by the first objective. */
  readonly best?: number;
  /** Numbers of the trials that no other beats in every objective, where there are several objectives. */
  readonly front?: readonly number[];
  /** A `StudyDocument`, as JSON. */
  readonly artifact?: Artifact;
  /** By parameter, adding up to 1. No history has it: whoever read the artifact puts it here. */
  readonly importance?: Readonly<Record<string, number>>;
}

export type StudyStatus =
  | { readonly kind: 'running' }
  | { readonly kind: 'completed'; readonly endedAt: number }
  | { readonly kind: 'stopped' | 'failed'; readonly endedAt: number; readonly reason?: string }
  /** The run ended, or went on as a new one, before the study did. */
  | { readonly kind: 'unfinished' };

/** A trial by its state: `switch (trial.state)`. */
export type TrialView = OpenTrial | EndedTrial | FailedTrial;

interface TrialBase {
  /** From 0. */
  readonly number: number;
  /** Of the present call of the trial, or the last one. */
  readonly rung: number;
  /** Absent where neither the trial's end nor an input of its steps says them yet. */
  readonly params?: Params;
  /** At the end of its last call, in all; absent without a scheduler. */
  readonly budget?: number;
  /** Of its calls that have ended, from each call to its end, waiting for a worker included. */
  readonly seconds: number;
  /** First objective by budget, a point for each call that ended well; empty without a scheduler. */
  readonly curve: readonly { readonly budget: number; readonly value: number }[];
  /** It is the result of this earlier trial, whose parameters were the same. */
  readonly sameAs?: number;
  /** What it last went on from (population-based training). */
  readonly from?: NonNullable<TrialEnded['from']>;
}

/** Queued: its steps wait for a worker. Unfinished: the study or the run ended before it did. */
interface OpenTrial extends TrialBase {
  readonly state: 'queued' | 'running' | 'unfinished';
  /** Of the present call. */
  readonly startedAt: number;
  /** As of the call before. */
  readonly values?: readonly number[];
}

/** Paused: it may go on to more budget while the study runs. Stopped: early, on what it had reported. */
interface EndedTrial extends TrialBase {
  readonly state: 'completed' | 'paused' | 'stopped';
  /** One for each objective. */
  readonly values: readonly number[];
  /** Absent where only the artifact has the trial. */
  readonly endedAt?: number;
}

interface FailedTrial extends TrialBase {
  readonly state: 'failed';
  /** The message is cut after 300 characters. */
  readonly failure: FailureView;
  readonly endedAt?: number;
}

export interface BestPoint {
  readonly trial: number;
  readonly rung: number;
  readonly value: number;
  /** Of the trial then, in all; absent without a scheduler. */
  readonly budget?: number;
  /** How many calls had ended with this one. */
  readonly endedCalls: number;
  /** Absent where only the artifact has the trial. */
  readonly at?: number;
}
