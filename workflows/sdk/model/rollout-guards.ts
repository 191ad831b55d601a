import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';

/**
 * When a rollout takes itself back. What the challenger does live is looked at again and again, and it is aborted once
 * chance explains it no longer, not as soon as a figure is over its limit; see activities/deployment/rollout-guards.ts.
 */
export interface RolloutGuards {
  /** Share of requests that may fail, from 0 (the first one aborts) to below 1. */
  readonly errorRate?: number;
  /** 95 % of the requests may take at most so many milliseconds. */
  readonly p95Ms?: number;
  /** Of predictions whose label came back. */
  readonly metric?: MetricGuard;
}

export interface MetricGuard {
  readonly name: LiveMetric;
  /** How much worse than the champion's it may be, in the metric's unit; default 0. */
  readonly worseBy?: number;
}

const liveMetrics = ['accuracy', 'mae', 'rmse'] as const;
export type LiveMetric = (typeof liveMetrics)[number];

/** What a look at the counts came to. */
export interface RolloutVerdict {
  /** Why the challenger is to be taken back, in words with figures; absent: nothing speaks against it so far. */
  readonly abort?: string;
  /** One entry for each guard that is on. */
  readonly facts: RolloutFacts;
}

export interface RolloutFacts {
  /** `value` is the share of requests that failed. */
  readonly errorRate?: GuardFacts;
  readonly p95Ms?: LatencyFacts;
  readonly metric?: MetricFacts;
}

export interface GuardFacts {
  /** The challenger's; absent while nothing was counted. */
  readonly value?: number;
  readonly limit?: number;
  /** Requests or labels of the challenger. */
  readonly count: number;
  /** How much of the way to an abort, by the logarithm of the e-value: from 0 (nothing against it) to 1 (abort). */
  readonly evidence: number;
}

/** `value` is the share of requests that took more than `aboveMs`, `limit` the share that may. */
export interface LatencyFacts extends GuardFacts {
  /** The least bound that the server counts by and that is not below the guard; absent where all are. */
  readonly aboveMs?: number;
}

/** `limit` is the worst value that the guard allows beside the champion's. */
export interface MetricFacts extends GuardFacts {
  readonly champion?: number;
  readonly championCount: number;
}

/** Refuses guards that cannot be kept: USER_OPTION_INVALID (or USER_OPTION_UNKNOWN) with the field. */
export function checkGuards(owner: string, guards: RolloutGuards): RolloutGuards {
  checkOptions(`${owner}: ${field}`, guards, ['errorRate', 'p95Ms', 'metric']);
  const { errorRate, p95Ms, metric } = guards;
  if (errorRate === undefined && p95Ms === undefined && metric === undefined) {
    throw invalid(owner, '', guards, 'Give `errorRate`, `p95Ms` or `metric`.');
  }
  if (errorRate !== undefined && !(Number.isFinite(errorRate) && errorRate >= 0 && errorRate < 1)) {
    throw invalid(owner, '.errorRate', errorRate, 'Use a share from 0 to below 1, for example 0.02 for 2 %.');
  }
  if (p95Ms !== undefined && !(p95Ms > 0 && p95Ms <= 60_000)) {
    throw invalid(owner, '.p95Ms', p95Ms, 'Use a number of milliseconds above 0, at most 60,000.');
  }
  if (metric !== undefined) checkMetric(owner, metric);
  return guards;
}

const field = 'rollout.abortWhen';

function checkMetric(owner: string, metric: MetricGuard): void {
  checkOptions(`${owner}: ${field}.metric`, metric, ['name', 'worseBy']);
  const { name, worseBy = 0 } = metric;
  if (!liveMetrics.includes(name)) {
    throw invalid(owner, '.metric.name', name, `The server computes ${liveMetrics.join(', ')}.`);
  }
  // An accuracy cannot be worse by 1 or more, so such a guard would never abort.
  if (Number.isFinite(worseBy) && worseBy >= 0 && !(name === 'accuracy' && worseBy >= 1)) return;
  const remedy = name === 'accuracy' ? 'Use a number from 0 to below 1.' : 'Use a number from 0.';
  throw invalid(owner, '.metric.worseBy', worseBy, remedy);
}

function invalid(owner: string, of: string, value: unknown, remedy: string): EvertrainError {
  // JSON has no NaN and no infinity, and would show them as null.
  const shown = typeof value === 'number' ? String(value) : show(value);
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${field}${of} is ${shown}.`, { value, remedy });
}
