/**
 * A scheduler decides which trial gets budget next. It is a pure function of the order in which calls of trials began and
 * ended: the run's history holds that order, so a replay, and anybody who reads the history, comes to the same decisions.
 * It knows nothing of parameters, time or workers.
 */
export interface Scheduler {
  /** What to do with a free slot. Whatever it answers but `wait` and `done` has then begun, as far as it is concerned. */
  next(): Move;
  /** The same where no new trial may begin: those there are go on, and end as if there were no more. */
  goOn(): Move;
  /** A call that it had begun is over. */
  ended(end: CallEnd): void;
}

export type Move =
  /** A new trial; numbers count up from 0. */
  | { readonly kind: 'start'; readonly trial: number; readonly budget: number }
  /** A paused trial goes on, to this budget in all; `exploit`: from that call's checkpoint with its parameters, perturbed. */
  | {
      readonly kind: 'continue';
      readonly trial: number;
      readonly rung: number;
      readonly budget: number;
      readonly exploit?: { readonly trial: number; readonly rung: number };
    }
  /** Nothing, until a call has ended. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'done' };

export interface CallEnd {
  readonly trial: number;
  readonly rung: number;
  /** Greater is better; absent of a call that failed. */
  readonly value?: number;
}

/** As written in a pipeline: data. Budgets are whole numbers, of epochs for example. */
export type SchedulerOptions =
  | {
      readonly kind: 'asha' | 'successive-halving';
      /** Budget of the first rung. */
      readonly min: number;
      /** Budget of the last one. */
      readonly max: number;
      /** One of so many is promoted, to so many times the budget. */
      readonly eta: number;
    }
  | { readonly kind: 'hyperband'; readonly min: number; readonly max: number; readonly eta: number }
  | {
      readonly kind: 'population';
      /** Budget between two exchanges. */
      readonly interval: number;
      readonly max: number;
      readonly size: number;
      /** The worst so many (share) take over from the best so many. */
      readonly quantile: number;
    };

/** Decides from streamed metrics whether a trial at work is stopped; pure over the order of reports and ends. */
export interface Stopper {
  /** Greater is better; `at` is the epoch. True: stop it. */
  reported(trial: number, at: number, value: number): boolean;
  ended(trial: number): void;
}

export interface MedianStopOptions {
  readonly kind: 'median-stop';
  /** Reports before this epoch stop nobody. */
  readonly grace: number;
  /** Trials that must have reported as far before anybody is stopped. */
  readonly minTrials: number;
}
