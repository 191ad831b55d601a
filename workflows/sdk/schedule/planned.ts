import { inWorkflowContext, workflowInfo } from '@temporalio/workflow';
import type { RunOptions } from '../run-options.js';
import { currentScope } from '../run-scope.js';
import { fireTimeAttribute, type Planned } from './messages.js';
import { planOf } from './plan-of.js';

/** The time that the data of a run is of: from `start`, and before `end`. */
export interface DataInterval {
  readonly start: Date;
  readonly end: Date;
}

/**
 * The time that the run is for: the fire time of its schedule, however late it began, or the date that a backfill or a
 * person gave it; `undefined` of any other run.
 */
export function logicalDate(): Date | undefined {
  const { date } = plannedHere('logicalDate') ?? {};
  return date === undefined ? undefined : new Date(date);
}

/**
 * From the fire time before its own until its own, so that all runs of a schedule together cover time without a gap.
 * `undefined` where there is no such interval: of `@once`, and of runs that no schedule planned.
 */
export function dataInterval(): DataInterval | undefined {
  const { interval } = plannedHere('dataInterval') ?? {};
  return interval === undefined ? undefined : { start: new Date(interval.start), end: new Date(interval.end) };
}

function plannedHere(what: string): Planned | undefined {
  return currentScope(what).options.planned;
}

/** Options of a run with its date and interval filled in, as its children are given them too. */
export function withPlan(options: RunOptions): RunOptions {
  const date = options.planned?.date ?? firedAt()?.toISOString();
  return date === undefined ? options : { ...options, planned: planOf(options.planned, date) };
}

/** When the engine planned the run at hand. */
function firedAt(): Date | undefined {
  if (!inWorkflowContext()) return undefined;
  return workflowInfo().typedSearchAttributes.get({ name: fireTimeAttribute, type: 'DATETIME' });
}
