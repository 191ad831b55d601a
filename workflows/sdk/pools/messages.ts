import type { Priority } from '../priority.js';

/** Places that steps' calls share; its workflow id is `poolWorkflowId(name, project)`. */
export const poolWorkflowType = 'evertrain.pool';

export function poolWorkflowId(pool: string, project: string | undefined): string {
  return project === undefined ? `pool/${pool}` : `pool/${project}/${pool}`;
}

export const poolMessages = {
  /** Signal `PoolMessage` from a run. */
  calls: 'evertrain.pool.calls',
  /** Query: `PoolState`. */
  state: 'evertrain.pool.state',
} as const;

/** Summary of timers that only serve a pool's place; views leave them out. */
export const poolTimerSummary = 'evertrain.pool: asks again';

/** First start argument of a pool's workflow; `state` is handed over when it continues as new. */
export interface PoolStart {
  readonly pool: string;
  readonly state?: PoolState;
}

export interface PoolRules {
  readonly limit: number;
  readonly perPipeline?: number;
  readonly perRun?: number;
  readonly checkEveryMs: number;
}

/** Calls of a run that ask for a place, and calls that have ended or need none any more. Twice does no harm. */
export interface PoolMessage {
  readonly workflowId: string;
  /** Stays the same when the run is reset or continues as new. */
  readonly firstRunId: string;
  readonly pipeline: string;
  /** As the run's code declares the pool: the last message counts. */
  readonly rules: PoolRules;
  readonly asks: readonly PoolAsk[];
  readonly ends: readonly string[];
}

export interface PoolAsk {
  readonly stepId: string;
  readonly priority: Priority;
  /** History length at which user code called the step, where the message went later. */
  readonly calledAt?: number;
}

/** Calls that have a place now. */
export interface PoolGrant {
  readonly pool: string;
  readonly firstRunId: string;
  readonly stepIds: readonly string[];
}

export interface PoolState {
  /** Absent before the first message. */
  readonly rules?: PoolRules;
  readonly runs: Readonly<Record<string, PoolRun>>;
  /** Counts asks and grants. */
  readonly clock: number;
  /** By pipeline: the clock when it last got a place. */
  readonly turns: Readonly<Record<string, number>>;
  /** When the engine was last asked for runs that are over: milliseconds since 1970. */
  readonly checkedAt: number;
}

export interface PoolRun extends Pick<PoolMessage, 'workflowId' | 'firstRunId' | 'pipeline'> {
  /** `told`: the run has been signalled. */
  readonly holds: readonly { readonly stepId: string; readonly told?: true }[];
  readonly waits: readonly PoolWait[];
}

export interface PoolWait {
  readonly stepId: string;
  readonly priority: Priority;
  /** The clock when it asked. */
  readonly order: number;
}
