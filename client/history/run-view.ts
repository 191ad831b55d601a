import type { ApprovalRecord } from '../../workflows/sdk/approval-messages.js';
import type { StartedOn } from '../../workflows/sdk/assets/messages.js';
import type { GateRecord } from '../../workflows/sdk/gate.js';
import type { KnownBatch } from '../../workflows/sdk/model/batch.js';
import type { Provenance } from '../../workflows/sdk/provenance.js';
import type { FailureView, StepView } from './step-shapes.js';
import type { StudyView } from './study-shapes.js';

export type * from './step-shapes.js';
export type * from './study-shapes.js';

/**
 * What happened to a run, as projected from its event history by `projectRun`. The CLI, the dashboard, alerts, run records
 * and tests read only this. It is plain JSON: times are epoch milliseconds, and a payload that cannot be decoded stands
 * as `{ undecodable: <its encoding> }`.
 *
 * History alone knows no attempt but the last of a step and nothing of a running one. Where neither `describe()` nor the
 * journal fills that in, the view says `'unknown'`; it never guesses.
 */
export interface RunView {
  readonly workflowId: string;
  readonly runId: string;
  /** The pipeline's name (the workflow type). */
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly input: unknown;
  readonly seed: number;
  readonly provenance?: Provenance;
  /** The batches of a training that a model's data led to, oldest first. */
  readonly window?: readonly KnownBatch[];
  /** The run that this one repeats from a step on. */
  readonly rerunOf?: { readonly workflowId: string; readonly runId: string; readonly from: string };
  /** Of a run that a schedule or a backfill started, or that was given a date. */
  readonly planned?: {
    /** By name. */
    readonly schedule?: string;
    readonly logicalDate: number;
    /** The data's: from `start`, and before `end`. */
    readonly interval?: { readonly start: number; readonly end: number };
  };
  /** Of a run that a rule started: the publications of its assets, of which some were new. */
  readonly startedOn?: StartedOn;
  readonly parent?: { readonly workflowId: string; readonly runId: string };
  readonly startedAt: number;
  readonly closedAt?: number;
  /** The pipeline's output, of a completed run. */
  readonly output?: unknown;
  readonly gates: readonly GateView[];
  readonly approvals: readonly ApprovalView[];
  /** In the order in which they were first seen in history. */
  readonly steps: readonly StepView[];
  /** In the order in which they began. The steps of their trials are among `steps`. */
  readonly studies: readonly StudyView[];
  /** Those that have too many items for the run itself; each chunk of their items is one of the `children`. */
  readonly fanOuts: readonly FanOutView[];
  readonly children: readonly ChildView[];
  readonly signals: readonly SignalView[];
  readonly timers: readonly TimerView[];
  readonly edges: readonly EdgeView[];
  /** What an open run waits for a person to do, e.g. `approval:ship it?`. */
  readonly waitingFor: readonly string[];
  /**
   * Set while the run cannot go on because its code fails outside of any step (a worker that does not know the pipeline,
   * code that no longer fits the history). The run goes on by itself when a worker with fitting code takes it.
   */
  readonly blocked?: { readonly since: number; readonly message: string; readonly attempt?: number };
  /** Of the worker that completed the last workflow task, where workers are versioned. */
  readonly workerVersion?: { readonly deployment?: string; readonly buildId: string };
  /** Number of events projected. */
  readonly events: number;
}

/** A run's status; `show` colours by it, `--json` prints it. */
export type RunStatus =
  | { readonly kind: 'running'; readonly cancelRequested?: true }
  | { readonly kind: 'completed' }
  | { readonly kind: 'rejected'; readonly gate: string; readonly facts?: unknown }
  | FailedStatus
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'terminated'; readonly reason?: string }
  | { readonly kind: 'timed-out' }
  /** Goes on as a new run of the same workflow id. */
  | { readonly kind: 'continued'; readonly runId: string };

export interface FailedStatus {
  readonly kind: 'failed';
  /** An Evertrain error code, or the failure's own type. */
  readonly code: string;
  readonly message: string;
  /** The step whose failure failed the run. */
  readonly stepId?: string;
}

export interface GateView extends GateRecord {
  readonly at: number;
}

export interface ApprovalView extends ApprovalRecord {
  readonly askedAt: number;
  /** When it was answered, timed out or taken over. */
  readonly answeredAt?: number;
}

export interface ChildView {
  readonly workflowId: string;
  readonly runId?: string;
  readonly pipeline: string;
  readonly status:
    | 'starting'
    | 'running'
    | 'completed'
    | 'rejected'
    | 'failed'
    | 'cancelled'
    | 'terminated'
    | 'timed-out'
    /** A run of this id was there already, so that none was started. */
    | 'existed';
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Started, and not waited for (`start`): its end may come after this run's, and is not told here then. */
  readonly isDetached?: true;
  /** As of a step. */
  readonly inputDiffers?: true;
  /** The child pipeline's output, when it completed. */
  readonly output?: unknown;
  readonly failure?: FailureView;
}

export interface FanOutView {
  /** With the groups around it. */
  readonly id: string;
  readonly items: number;
  /** Items that have ended, failed ones included, as far as their runs have told. */
  readonly ended: number;
  readonly failed: number;
  readonly startedAt: number;
  /** Workflow ids of the runs that its items are at work in. */
  readonly runs: readonly string[];
}

export interface SignalView {
  readonly name: string;
  readonly at: number;
  readonly payload: unknown;
}

export interface TimerView {
  readonly id: string;
  readonly status: 'waiting' | 'fired' | 'cancelled';
  readonly startedAt: number;
  readonly firesAt: number;
  readonly endedAt?: number;
  readonly summary?: string;
}

/**
 * `data`: the input of `to` holds an artifact that `from` put out (exact). `cause`: `from` came in with the workflow task in
 * which user code called `to` (approximate: it may have come in by coincidence).
 *
 * An end is a step id, or `child:<workflow id>`, `timer:<id>`, `signal:<name>#<n>`, `update:<update id>`, `approval:<id>`, or
 * `task:<n>`: where many ends meet many calls, edges lead from the ends to the workflow task and from it to the calls.
 */
export interface EdgeView {
  readonly from: string;
  readonly to: string;
  readonly kind: 'data' | 'cause';
  /** True for every cause edge. */
  readonly approximate: boolean;
}
