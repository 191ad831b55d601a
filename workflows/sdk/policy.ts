import type { CachePolicy } from './cache-messages.js';
import { type Duration, durationMs } from './duration.js';
import { EvertrainError, show } from './errors.js';
import { checkName, checkOptions, invalidOption } from './options.js';
import type { PoolDefinition } from './pools/pool.js';
import { checkPriority, type Priority } from './priority.js';
import { defaultQueue } from './protocol.js';
import { ownQueue, type ResourceOptions, type Resources, resolveResources } from './resources.js';

/** How a failed attempt is tried again. Final codes (most USER_ and all GATE_) are never retried: docs/errors.md. */
export interface RetryOptions {
  /** All tries together, the first included; finite. Default 3. */
  readonly attempts?: number;
  /** Before the second try; each later wait is `backoff` times longer. Default 1 s. */
  readonly firstDelay?: Duration;
  /** Default 2. */
  readonly backoff?: number;
  /** Longest wait. Default 1 minute, or `firstDelay` where that is longer. */
  readonly maxDelay?: Duration;
  /** More codes that must not be retried. */
  readonly finalCodes?: readonly string[];
}

/** What a step, or a pipeline's `defaults` for its steps, may set. */
export interface PolicyOptions {
  /** Task queue whose workers run the step. Default: the queue of runs. */
  readonly queue?: string;
  /** Longest time of one attempt. Default 1 hour. */
  readonly timeout?: Duration;
  /** A worker that is silent this long is taken for dead. Heartbeats are sent in the background. Default 10 s. */
  readonly heartbeat?: Duration;
  /** Fails an attempt that reports no progress, metric or checkpoint for this long. */
  readonly progressWithin?: Duration;
  readonly retry?: RetryOptions;
  /**
   * Reuses the output of an earlier successful call with the same input, code and environment. A `version` sets results
   * of older versions aside; `maxAge` those that are older.
   */
  readonly cache?: boolean | { readonly version?: string; readonly maxAge?: Duration };
  /** A pool, or its name: each call waits for a place in it, and holds it until it has ended, retries included. */
  readonly pool?: PoolDefinition | string;
  /** Among what waits in the queue, and in the pool: 1 first, 5 last; default 3. A run's own priority outranks it. */
  readonly priority?: Priority;
}

/** What a step may set: its policy, what it needs, and whether it is light. */
export interface StepPolicyOptions extends PolicyOptions {
  /**
   * What an attempt needs of its worker's machine, which never runs more at once than it has. Without a `queue` of its own
   * the step goes to the first of `project({ queues })` that has so much, by default to `gpu` or `cpu`.
   */
  readonly resources?: ResourceOptions;
  /**
   * Runs the step on the worker that holds the run, as a Temporal local activity: some milliseconds instead of a trip
   * over a queue. For work of milliseconds in Node. Light steps of one run that are called at once go together. One that
   * lasts longer than its `timeout` (5 s at most, which is the default), or fails and may be tried again, goes on as a
   * normal step on the queue of runs. `queue`, `resources`, `heartbeat`, `progressWithin`, `pool` and `priority` are
   * refused beside it; of a pipeline's `defaults` it takes `retry` and `cache`.
   */
  readonly light?: boolean;
}

/** A policy in milliseconds and numbers; only what was set. */
export interface Policy {
  readonly light?: true;
  readonly queue?: string;
  readonly resources?: Resources;
  readonly timeoutMs?: number;
  readonly heartbeatMs?: number;
  readonly progressWithinMs?: number;
  readonly retry?: Retry;
  readonly cache?: CachePolicy | false;
  readonly pool?: string;
  readonly priority?: Priority;
}

export interface Retry {
  readonly attempts?: number;
  readonly firstDelayMs?: number;
  readonly backoff?: number;
  readonly maxDelayMs?: number;
  readonly finalCodes?: readonly string[];
}

/**
 * Longest time of a light step. The run hears of nothing while one is at work, and a task that lasts 8 s would have to be
 * prolonged, which then is in its history.
 */
export const maxLightMs = 5_000;

export const policyFields = [
  'queue',
  'timeout',
  'heartbeat',
  'progressWithin',
  'retry',
  'cache',
  'pool',
  'priority',
] as const;

/** Checks policy options where they are written and brings them into one unit. */
export function resolvePolicy(owner: string, options: PolicyOptions): Policy {
  if (options.queue !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/.test(String(options.queue))) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: queue ${show(options.queue)} is not a usable name.`, {
      value: options.queue,
      remedy: 'Use letters, digits, ".", "_", "-" and "/".',
    });
  }
  const { pool, priority } = options;
  const poolName = typeof pool === 'object' && pool?.kind === 'pool' ? pool.name : pool;
  if (poolName !== undefined) checkName(`${owner}: pool`, poolName);
  if (priority !== undefined) checkPriority(owner, priority);
  const ms = (name: 'timeout' | 'heartbeat' | 'progressWithin') =>
    options[name] === undefined ? {} : { [`${name}Ms`]: durationMs(options[name], `${owner}: ${name}`) };
  return {
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...ms('timeout'),
    ...ms('heartbeat'),
    ...ms('progressWithin'),
    ...(options.retry === undefined ? {} : { retry: resolveRetry(owner, options.retry) }),
    ...(options.cache === undefined ? {} : { cache: resolveCache(owner, options.cache) }),
    ...(poolName === undefined ? {} : { pool: poolName }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** The same of a step, which alone can be light. */
export function resolveStepPolicy(owner: string, options: StepPolicyOptions): Policy {
  const { light = false, resources } = options;
  const policy = {
    ...resolvePolicy(owner, options),
    ...(resources === undefined ? {} : { resources: resolveResources(`${owner}: resources`, resources) }),
  };
  const refuse = (what: string, value: unknown, remedy: string) => {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what}.`, { value, remedy });
  };
  if (resources !== undefined && policy.queue === defaultQueue) {
    refuse('the queue of runs takes no step with resources', policy.queue, 'Remove `queue`, or name another one.');
  }
  if (light === false) return policy;
  if (light !== true) refuse(`light is ${show(light)}`, light, 'Use true or false.');
  for (const name of ['queue', 'resources', 'heartbeat', 'progressWithin', 'pool', 'priority'] as const) {
    const value = options[name];
    if (value !== undefined) refuse(`a light step has no ${name}`, value, `Remove \`${name}\`, or \`light\`.`);
  }
  if (policy.timeoutMs !== undefined && policy.timeoutMs > maxLightMs) {
    refuse(`timeout ${show(options.timeout)} is too long for a light step`, options.timeout, 'Use 5 s at most.');
  }
  return { ...policy, light: true };
}

/** The policy of a step that a pipeline with these defaults calls. */
export function policyIn(defaults: Policy, own: Policy): Policy {
  if (own.light !== true) {
    const queue = ownQueue(own);
    return { ...defaults, ...own, ...(queue === undefined ? {} : { queue }) };
  }
  const { retry, cache } = defaults;
  return { ...(retry === undefined ? {} : { retry }), ...(cache === undefined ? {} : { cache }), ...own };
}

function resolveRetry(owner: string, retry: RetryOptions): Retry {
  checkOptions(`${owner}: retry`, retry, ['attempts', 'firstDelay', 'backoff', 'maxDelay', 'finalCodes']);
  const { attempts, firstDelay, backoff, maxDelay, finalCodes } = retry;
  if (attempts !== undefined && (!Number.isInteger(attempts) || attempts < 1)) {
    throw invalidOption(
      owner,
      'retry.attempts',
      attempts,
      'Use a whole number from 1; attempts are finite on purpose.',
    );
  }
  if (backoff !== undefined && !(backoff >= 1)) {
    throw invalidOption(owner, 'retry.backoff', backoff, 'Use a number from 1.');
  }
  const firstDelayMs = firstDelay === undefined ? undefined : durationMs(firstDelay, `${owner}: retry.firstDelay`);
  const maxDelayMs = maxDelay === undefined ? undefined : durationMs(maxDelay, `${owner}: retry.maxDelay`);
  if (firstDelayMs !== undefined && maxDelayMs !== undefined && maxDelayMs < firstDelayMs) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: retry.maxDelay is below retry.firstDelay.`, {
      value: { firstDelay, maxDelay },
      remedy: 'The longest wait is at least the first one.',
    });
  }
  return {
    ...(attempts === undefined ? {} : { attempts }),
    ...(firstDelayMs === undefined ? {} : { firstDelayMs }),
    ...(backoff === undefined ? {} : { backoff }),
    ...(maxDelayMs === undefined ? {} : { maxDelayMs }),
    ...(finalCodes === undefined ? {} : { finalCodes }),
  };
}

function resolveCache(owner: string, cache: NonNullable<PolicyOptions['cache']>): CachePolicy | false {
  if (typeof cache === 'boolean') return cache ? {} : false;
  checkOptions(`${owner}: cache`, cache, ['version', 'maxAge']);
  return {
    ...(cache.version === undefined ? {} : { version: cache.version }),
    ...(cache.maxAge === undefined ? {} : { maxAgeMs: durationMs(cache.maxAge, `${owner}: cache.maxAge`) }),
  };
}
