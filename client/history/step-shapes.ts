/** How a step is seen; see `RunView`. Times are epoch milliseconds. */

/** A step by its status: `switch (step.status)`. */
export type StepView =
  | QueuedStep
  | WaitingStep
  | RunningStep
  | CompletedStep
  | FailedStep
  | CancelledStep
  | CachedStep
  | ReusedStep
  | UnknownStep;

export type StepStatus = StepView['status'];

export interface StepBase {
  readonly id: string;
  readonly name: string;
  /** Groups around the step, outermost first. */
  readonly groups: readonly string[];
  /** Task queue; absent where nothing was queued (cached, reused and light steps). */
  readonly queue?: string;
  /** It ran on the worker that held the run, at least at first: history has no sign of such an attempt before its end. */
  readonly light?: true;
  readonly scheduledAt: number;
  /** The present or last attempt; 0 where none was needed (cached, reused), `'unknown'` where only its being scheduled is known. */
  readonly attempt: number | 'unknown';
  /** Attempts that have ended, as the journal recorded them; absent without the journal. */
  readonly attempts?: readonly AttemptView[];
  /** Absent where history does not carry it (reused steps, and light ones above 100 KB). */
  readonly input?: unknown;
  /** Absent where history does not carry it (cached and reused steps). */
  readonly seed?: number;
  readonly summary?: string;
  /** Of a sensor: what it waits for, in words; its `attempt` counts its looks. */
  readonly waitsUntil?: string;
  /** The repeated run had an output to hand over, but for another input than the call has now, so the call is made. */
  readonly inputDiffers?: true;
  /** Numbers of the output (its top level, and its `metrics`), or the last ones that the journal has. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Scheduled, and no worker has it at the moment; or waiting for a place in a pool, which comes first. */
export interface QueuedStep extends StepBase {
  readonly status: 'queued';
  /** The pool; `scheduledAt` is when it asked. */
  readonly waitsForPool?: string;
  /** The pool's workflow id. */
  readonly poolId?: string;
  /** Which one it is of all calls that wait for the pool; absent where the pool could not be asked. */
  readonly place?: { readonly number: number; readonly of: number };
  /** Another call, which is making the same result for the step cache. */
  readonly waitsFor?: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
  /** Why the attempt before this one ended. */
  readonly lastFailure?: FailureView;
  /** When the next attempt may start, while the retry policy makes it wait. */
  readonly nextAttemptAt?: number;
}

/** A sensor whose condition does not hold yet. Between two looks nothing is at work. */
export interface WaitingStep extends StepBase {
  readonly status: 'waiting';
  readonly waitsUntil: string;
  /** Looks that have ended. */
  readonly looks: number;
  /** What the last one saw. */
  readonly lastLook?: string;
  /** Why the last one saw nothing: a server is away, say. It is tried again like any other. */
  readonly lastFailure?: FailureView;
  /** Absent while it looks. */
  readonly nextLookAt?: number;
}

export interface RunningStep extends StepBase {
  readonly status: 'running';
  /** Start of the present attempt. */
  readonly startedAt: number;
  readonly lastHeartbeatAt?: number;
  /** What the step reported last: `{ fraction, message? }` from `progress()`, or a foreign activity's heartbeat as it is. */
  readonly progress?: unknown;
  /** The checkpoint from which a next attempt would go on. */
  readonly checkpoint?: unknown;
  readonly worker?: string;
  readonly cancelRequested: boolean;
  readonly lastFailure?: FailureView;
}

export interface CompletedStep extends StepBase {
  readonly status: 'completed';
  /** Start of the last attempt. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly output: unknown;
}

export interface FailedStep extends StepBase {
  readonly status: 'failed';
  /** Start of the last attempt; absent when none started. */
  readonly startedAt?: number;
  readonly endedAt: number;
  readonly failure: FailureView;
}

export interface CancelledStep extends StepBase {
  readonly status: 'cancelled';
  readonly startedAt?: number;
  readonly endedAt: number;
}

/** Its output came from the step cache. */
export interface CachedStep extends StepBase {
  readonly status: 'cached';
  readonly endedAt: number;
  readonly output: unknown;
  readonly cacheSource: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
  readonly cacheKey: string;
}

/** Its output was handed over from the run that this one repeats. */
export interface ReusedStep extends StepBase {
  readonly status: 'reused';
  readonly endedAt: number;
  readonly output?: unknown;
  /** The run that made the call. */
  readonly reusedFrom?: { readonly workflowId: string; readonly runId: string };
}

/** Scheduled, and nothing tells how it stands: `describe()` was not asked, or the run closed around it. */
export interface UnknownStep extends StepBase {
  readonly status: 'unknown';
}

export interface FailureView {
  /** An Evertrain error code, or the failure's own type. */
  readonly code: string;
  readonly message: string;
}

/** One ended attempt. */
export interface AttemptView {
  readonly attempt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  readonly outcome: string;
  readonly code?: string;
  readonly message?: string;
}

/** An attempt as the journal records it; the client is given these by a reader. Times: epoch milliseconds or ISO 8601. */
export interface AttemptRecord {
  readonly stepId: string;
  readonly attempt: number;
  readonly startedAt: number | string;
  readonly endedAt: number | string;
  readonly outcome: string;
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly durationMs: number;
  /** Last value of each metric. */
  readonly metricsLast?: Readonly<Record<string, number>> | undefined;
}
