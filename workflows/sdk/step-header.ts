import type { CachePolicy } from './cache-messages.js';

/** Activity header (JSON) on every step; see `StepHeader`. */
export const stepHeader = 'evertrain-step';

/**
 * What travels with each step's activity, beside its input. The activity type is the step name; the activity id the step
 * id, unique in the run: `<scope>/<step name>` and `#n` from the second call on; scopes are groups and fan-out items, for
 * example `sources[1]/data.ingest`.
 */
export interface StepHeader {
  /** Groups around the step, outermost first. */
  readonly groups?: readonly string[];
  /** 32-bit seed derived from the run's seed and the step id. */
  readonly seed: number;
  /** Fails the attempt when it reports no progress, metric or checkpoint for so long. */
  readonly progressWithinMs?: number;
  /** Present when the step caches its output: lets the worker store it under the same key rules. */
  readonly cache?: CachePolicy;
  /** History length at which user code called the step, when the pending window delayed its scheduling. */
  readonly calledAt?: number;
  /** Calls whose checkpoint this one goes on from while it has none of its own, newest first (trials of a study). */
  readonly resumes?: readonly ResumedCall[];
  /** A metric that the run is told while the step is at work: signal `TrialReport` at each. */
  readonly reports?: string;
  /** Present while the step runs as a local activity, whose own id is a number; see `LightRecord`. */
  readonly light?: {
    readonly stepId: string;
    /** What the policy says beyond the codes that are final anyway. */
    readonly finalCodes?: readonly string[];
    readonly isOnlyTry?: true;
  };
  /** The call had its first attempt as a local activity. */
  readonly triedLight?: true;
}

/** A call of a step, by default in the same run. */
export interface ResumedCall {
  readonly stepId: string;
  readonly workflowId?: string;
  readonly runId?: string;
}
