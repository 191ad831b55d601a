import { type Duration, durationMs } from '../duration.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import { defined } from '../registry.js';
import type { PoolRules } from './messages.js';

export interface PoolOptions {
  /** Calls that hold a place at once, over all runs and workers of the namespace. */
  readonly limit: number;
  /** Of these, for the runs of one pipeline together. */
  readonly perPipeline?: number;
  /** Of these, for one run. */
  readonly perRun?: number;
  /**
   * How often the engine is asked, while calls wait, whether the runs of those that hold a place are still open. Default
   * 30 s: so long a run that was terminated may keep its places.
   */
  readonly checkEvery?: Duration;
}

/** Places that calls of steps share, for licences, devices or a database that takes only so many at once. */
export interface PoolDefinition {
  readonly kind: 'pool';
  readonly name: string;
  readonly rules: PoolRules;
}

/** Declares a pool; `step({ pool })` takes the value or its name. */
export function pool(name: string, options: PoolOptions): PoolDefinition {
  checkName('pool', name);
  const owner = `pool "${name}"`;
  checkOptions(owner, options, ['limit', 'perPipeline', 'perRun', 'checkEvery']);
  const { limit, perPipeline, perRun, checkEvery = '30s' } = options;
  checkCount(owner, 'limit', limit);
  if (perPipeline !== undefined) checkCount(owner, 'perPipeline', perPipeline);
  if (perRun !== undefined) checkCount(owner, 'perRun', perRun);
  const rules = {
    limit,
    ...(perPipeline === undefined ? {} : { perPipeline }),
    ...(perRun === undefined ? {} : { perRun }),
    checkEveryMs: durationMs(checkEvery, `${owner}: checkEvery`),
  };
  const value: PoolDefinition = { kind: 'pool', name, rules };
  defined.pools.push(value);
  return value;
}

function checkCount(owner: string, option: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw invalidOption(owner, option, count, 'Use a whole number from 1.');
}
