import { CancellationScope, inWorkflowContext, isCancellation } from '@temporalio/workflow';
import { called } from '../awaitable.js';
import { EvertrainError, isEvertrainError, show, withoutLink } from '../errors.js';
import { shortText } from '../short-error.js';
import type { TrialReport } from './messages.js';
import type { Params } from './space.js';
import type { Objective } from './study-record.js';

/** What a trial is called with, beside what is bound. */
export interface TrialInput {
  readonly params: Params;
  /** Where the scheduler gives budgets: how far the trial is to get, in all. */
  readonly budget?: number;
}

/** How a call of a trial ended, as a result of the study. */
export type Outcome =
  | { readonly state: 'done'; readonly values: readonly number[]; readonly output: unknown }
  /** Ended early: on what it had reported last, or without a value. */
  | { readonly state: 'stopped'; readonly at?: number; readonly values?: readonly number[] }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** A call at work: it may be told to stop. */
export class TrialCall {
  readonly outcome: Promise<Outcome>;
  report: TrialReport | undefined;
  private isStopped = false;
  private readonly scope = inWorkflowContext() ? new CancellationScope({ cancellable: true }) : undefined;

  constructor(
    private readonly study: string,
    private readonly objectives: readonly Objective[],
    work: () => Promise<unknown>,
  ) {
    this.outcome = this.follow(work);
    // It may be awaited late.
    this.outcome.catch(() => undefined);
  }

  stop(): void {
    this.isStopped = true;
    this.scope?.cancel();
  }

  private async follow(work: () => Promise<unknown>): Promise<Outcome> {
    try {
      const output = await (this.scope === undefined ? called(work) : this.scope.run(() => called(work)));
      return { state: 'done', values: this.objectives.map(({ metric }) => this.valueOf(output, metric)), output };
    } catch (error) {
      // Whatever became of its cancellation on the way: it has no answer.
      if (this.isStopped) return stoppedOn(this.report);
      if (isCancellation(error) && this.scope?.consideredCancelled === false) return cancelledAlone;
      return failed(error);
    }
  }

  private valueOf(output: unknown, metric: string): number {
    const value = (output as Readonly<Record<string, unknown>> | null | undefined)?.[metric];
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (value === undefined) throw new MissingObjective(this.study, metric, output);
    throw new EvertrainError('USER_OUTPUT_INVALID', `${metric} is ${show(value)}, no finite number.`, { value });
  }
}

/** Somebody has cancelled the trial's run, and not the one that searches. */
const cancelledAlone: Outcome = { state: 'failed', code: 'USER_RUN_CANCELLED', message: 'Its run was cancelled.' };

/** A failure that carries a code is a result; a rejected gate, a cancelled run or a Temporal fault is not. */
function failed(error: unknown): Outcome {
  const isResult = isEvertrainError(error) && error.code !== 'GATE_REJECTED' && !(error instanceof MissingObjective);
  if (!isResult) throw error;
  return { state: 'failed', code: error.code, message: shortText(withoutLink(error.message)) };
}

function stoppedOn(report: TrialReport | undefined): Outcome {
  return { state: 'stopped', ...(report === undefined ? {} : { at: report.at, values: [report.value] }) };
}

/** No trial can have the objective, so the study ends at once. */
class MissingObjective extends EvertrainError {
  constructor(study: string, metric: string, output: unknown) {
    const isObject = typeof output === 'object' && output !== null;
    const fields = isObject ? Object.keys(output).join(', ') : show(output);
    super('USER_OUTPUT_INVALID', `search "${study}": a trial answered no "${metric}", but ${fields || 'nothing'}.`, {
      value: output,
      remedy: 'Name a field of the trial’s output in `maximize` or `minimize`.',
    });
  }
}
