import type { ActivityOptions } from '@temporalio/workflow';
import type { StepDefinition } from './definitions.js';
import { EvertrainError } from './errors.js';
import { type Policy, policyIn } from './policy.js';
import type { PoolDefinition } from './pools/pool.js';
import { defined } from './registry.js';
import type { RunScope } from './run-scope.js';
import type { StepHeader } from './step-header.js';

/** What is the same for all calls of a step in a run. */
export interface StepPlan {
  readonly definition: StepDefinition;
  readonly policy: Policy;
  readonly options: Pick<
    ActivityOptions,
    'startToCloseTimeout' | 'heartbeatTimeout' | 'retry' | 'taskQueue' | 'priority'
  >;
  readonly pool: PoolDefinition | undefined;
  readonly header: Omit<StepHeader, 'seed'>;
}

export function stepPlan(scope: RunScope, definition: StepDefinition): StepPlan {
  const policy = policyIn(scope.pipeline.defaults, definition.policy);
  const options = {
    startToCloseTimeout: (policy.light ? undefined : policy.timeoutMs) ?? 3_600_000,
    heartbeatTimeout: policy.heartbeatMs ?? 10_000,
    retry: retryPolicy(policy),
    ...(policy.queue === undefined ? {} : { taskQueue: policy.queue }),
    // Without one, a step has that of its run.
    ...(policy.priority === undefined || scope.options.priority !== undefined
      ? {}
      : { priority: { priorityKey: policy.priority } }),
  };
  const header = {
    ...(policy.progressWithinMs === undefined ? {} : { progressWithinMs: policy.progressWithinMs }),
    ...(policy.cache ? { cache: policy.cache } : {}),
  };
  const pool = policy.pool === undefined ? undefined : poolOf(definition.name, policy.pool);
  return { definition, policy, options, header, pool };
}

export function summaryOf({ definition: { description } }: StepPlan, id: string): string {
  return description === undefined ? id : `${id}: ${description}`;
}

export function firstDelayOf({ retry }: Policy): number {
  return retry?.firstDelayMs ?? 1_000;
}

/** What is left of it after so many failed attempts. */
export function retryPolicy(policy: Policy, failed = 0) {
  const retry = policy.retry ?? {};
  const firstDelayMs = firstDelayOf(policy);
  const backoff = retry.backoff ?? 2;
  // Temporal refuses a longest wait below the first one.
  const maximumInterval = Math.max(firstDelayMs, retry.maxDelayMs ?? 60_000);
  return {
    maximumAttempts: (retry.attempts ?? 3) - failed,
    initialInterval: Math.min(firstDelayMs * backoff ** failed, maximumInterval),
    backoffCoefficient: backoff,
    maximumInterval,
    // Worker's failures with a final code say so themselves: a list would travel with every step.
    ...(retry.finalCodes === undefined ? {} : { nonRetryableErrorTypes: [...retry.finalCodes] }),
  };
}

function poolOf(step: string, name: string): PoolDefinition {
  const found = defined.pools.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new EvertrainError('USER_OPTION_INVALID', `step "${step}": no pool is named "${name}".`, { value: name });
}
