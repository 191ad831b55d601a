import type { Budget, MoreBudget } from './budget-guard.js';
import type { Sampler } from './samplers.js';
import type { MedianStopOptions, SchedulerOptions } from './scheduler.js';
import type { Params, Space } from './space.js';
import type { Objective, TrialEnded } from './study-record.js';

/** What `search` was asked for, checked, with its defaults, as JSON. */
export interface StudyPlan {
  /** Id in the run. */
  readonly study: string;
  readonly space: Space;
  readonly trials: number;
  readonly atMost: number;
  readonly objectives: readonly Objective[];
  readonly sampler: Sampler;
  readonly scheduler?: SchedulerOptions;
  readonly stop?: MedianStopOptions;
  readonly budget?: Budget;
  readonly seed: number;
  /** Parameters of the first trials. */
  readonly guesses: readonly Params[];
  /** Finished trials of an earlier study. */
  readonly warmStart: readonly KnownTrial[];
  /** Share of the trials that may fail, from 0 to 1. */
  readonly tolerate: number;
}

/** A finished trial, as a later study learns from it. */
export interface KnownTrial {
  readonly params: Params;
  readonly values: readonly number[];
}

/** What is known of an earlier study; its objectives are absent where it was made by hand or by an earlier release. */
export interface KnownStudy {
  readonly objectives?: readonly Objective[];
  readonly trials: readonly KnownTrial[];
}

/** What makes a study go on: what happened in its order. Trials and decisions are made anew from it. */
export interface StudyState {
  readonly startedAt: number;
  readonly log: readonly LogEntry[];
  readonly leaders: readonly Leader[];
  /** What people have added to its budget. */
  readonly added: readonly MoreBudget[];
  /** The last move has not begun. */
  readonly isHeld: boolean;
}

export type LogEntry =
  /** What follows happened in this run. */
  | { readonly run: string }
  /** The scheduler began a call. */
  | 'move'
  /** The same where no new trial might begin. */
  | 'go-on'
  /** The sampler answered for these trials. */
  | { readonly asked: readonly number[] }
  /** Guesses took these trials. */
  | { readonly given: number }
  | { readonly ended: CallResult };

export type CallResult = Omit<TrialEnded, 'study' | 'event'>;

/** One of the best trials so far, with what it answered. */
export interface Leader {
  readonly trial: number;
  readonly state: 'completed' | 'paused';
  readonly rung: number;
  readonly budget?: number;
  readonly params: Params;
  readonly values: readonly number[];
  readonly output: unknown;
}
