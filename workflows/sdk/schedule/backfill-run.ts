import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineUpdate,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { PipelineDefinition } from '../definitions.js';
import { failureText } from '../failures.js';
import { taskPriority } from '../priority.js';
import { type PipelineResult, searchAttributes } from '../protocol.js';
import type { RunOptions } from '../run-options.js';
import { currentScope } from '../run-scope.js';
import { shortText } from '../short-error.js';
import {
  type BackfillFailure,
  backfillMessages,
  type BackfillState,
  backfillWorkflowType,
} from './backfill-messages.js';
import { backfillText } from './backfill-text.js';
import { scheduledRunId } from './messages.js';
import { planOf } from './plan-of.js';
import type { ScheduleRules } from './schedule.js';
import { firesWithin } from './timing.js';

/** What a backfill is started with. */
export interface BackfillStart {
  readonly schedule: string;
  readonly rules: ScheduleRules;
  /** ISO 8601, both included. */
  readonly from: string;
  readonly to: string;
  readonly atMost: number;
  /** Also dates that have a run that ended well. */
  readonly replace: boolean;
  /** Handed over when it continues as new; then `from` is the next date. */
  readonly state?: BackfillState;
}

/** The pipeline that a backfill's run is of. */
export function backfillRun(args: readonly unknown[]): PipelineDefinition {
  const [start] = args as [BackfillStart];
  return {
    kind: 'pipeline',
    name: backfillWorkflowType,
    description: `${start.rules.pipeline} by schedule ${start.schedule}, from ${start.from} to ${start.to}`,
    input: undefined,
    defaults: {},
    run: () => new Backfill(start).run(),
  };
}

const mostFailures = 100;
const longestMessage = 300;

/**
 * Runs a pipeline for each fire time of a range, so many at once, each under the id that the schedule's own run of the
 * date has. The engine refuses a second run of an id: this is what keeps a date to one run, whoever starts it. Whatever
 * becomes of a run costs its own date only. Continues as new between dates, with no run open.
 */
class Backfill {
  private state: BackfillState;
  private readonly open = new Set<string>();

  constructor(private readonly start: BackfillStart) {
    this.state = start.state ?? { dates: 0, completed: 0, rejected: 0, failed: 0, skipped: 0, open: 0, failures: [] };
    const now = () => ({ ...this.state, open: this.open.size });
    currentScope('backfill').standing = () => backfillText(now());
    setHandler(defineQuery<BackfillState>(backfillMessages.state), now);
    setHandler(defineUpdate<void, []>(backfillMessages.pause), () => this.change({ isPaused: true }));
    setHandler(defineUpdate<void, []>(backfillMessages.resume), () => this.change({ isPaused: false }));
  }

  async run(): Promise<BackfillState> {
    const { from, to, atMost, rules } = this.start;
    const dates = firesWithin(rules.timing, Date.parse(from), Date.parse(to) + 1);
    if (this.start.state === undefined) this.change({ dates: dates.length });
    try {
      for (const date of dates) {
        await condition(() => this.state.isPaused !== true && this.open.size < atMost);
        if (workflowInfo().continueAsNewSuggested) await this.goOnFrom(date);
        void this.runOf(new Date(date).toISOString());
      }
    } finally {
      await CancellationScope.nonCancellable(() => this.allEnded());
    }
    return this.state;
  }

  private allEnded(): Promise<void> {
    return condition(() => this.open.size === 0);
  }

  private async goOnFrom(date: number): Promise<never> {
    await this.allEnded();
    const next: BackfillStart = { ...this.start, from: new Date(date).toISOString(), state: this.state };
    return continueAsNew(next, currentScope('backfill').options);
  }

  private async runOf(date: string): Promise<void> {
    const { schedule, rules } = this.start;
    const workflowId = `${scheduledRunId(rules.pipeline, schedule)}-${date.replace('.000Z', 'Z')}`;
    this.open.add(date);
    try {
      const run = await this.begin(workflowId, date);
      const { outcome } = (await run.result()) as PipelineResult<unknown>;
      this.change({ [outcome]: this.state[outcome] + 1 });
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) this.change({ skipped: this.state.skipped + 1 });
      else if (!isCancellation(error) || !CancellationScope.current().consideredCancelled) {
        this.fails({ date, workflowId, message: shortText(failureText(error)).slice(0, longestMessage) });
      }
    } finally {
      this.open.delete(date);
    }
  }

  private begin(workflowId: string, date: string) {
    const { schedule, rules, replace } = this.start;
    const { pipeline, description, timing, input, seed, priority } = rules;
    const options: RunOptions = {
      planned: planOf({ schedule, timing }, date),
      ...(seed === undefined ? {} : { seed }),
      ...(priority === undefined ? {} : { priority }),
    };
    return startChild(pipeline, {
      workflowId,
      args: [input, options],
      workflowIdReusePolicy: replace ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
      parentClosePolicy: ParentClosePolicy.ABANDON,
      typedSearchAttributes: [{ key: searchAttributes.pipeline, value: pipeline }],
      staticSummary: description ?? pipeline,
      priority: taskPriority(pipeline, priority),
    });
  }

  private fails(failure: BackfillFailure): void {
    const failures = [...this.state.failures, failure].slice(-mostFailures);
    this.change({ failed: this.state.failed + 1, failures });
  }

  private change(state: Partial<BackfillState>): void {
    this.state = { ...this.state, ...state };
  }
}
