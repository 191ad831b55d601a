/** The run that makes up for a range of a schedule's dates; its input is a `BackfillStart`. */
export const backfillWorkflowType = 'evertrain.backfill';

export const backfillMessages = {
  /** Updates: no further date is begun, and again. */
  pause: 'evertrain.backfill.pause',
  resume: 'evertrain.backfill.resume',
  /** Query: `BackfillState`. */
  state: 'evertrain.backfill.state',
} as const;

/** How far a backfill is, and at its end its output: counts of dates. */
export interface BackfillState {
  readonly dates: number;
  readonly completed: number;
  readonly rejected: number;
  readonly failed: number;
  /** They had a run already, open or ended well. */
  readonly skipped: number;
  readonly open: number;
  readonly isPaused?: boolean;
  /** The last 100. */
  readonly failures: readonly BackfillFailure[];
}

export interface BackfillFailure {
  /** ISO 8601. */
  readonly date: string;
  readonly workflowId: string;
  readonly message: string;
}
