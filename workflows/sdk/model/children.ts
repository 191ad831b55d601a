import {
  ApplicationFailure,
  ParentClosePolicy,
  scheduleActivity,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { isErrorCode } from '../errors.js';
import { failureText } from '../failures.js';
import { taskPriority } from '../priority.js';
import { builtIn, type RunOutcome, searchAttributes } from '../protocol.js';
import type { RunOptions } from '../run-options.js';
import type { OpenRun } from './model-state.js';

/** How often a run is asked for that this execution of the model's workflow did not start. */
const askEveryMs = 5 * 60_000;

interface ModelRun extends OpenRun {
  readonly pipeline: string;
  readonly input: unknown;
  readonly options?: Omit<RunOptions, 'reportTo'>;
  readonly summary: string;
}

/**
 * The runs that a model, or a rule on assets, starts. They outlive an execution of its workflow (ABANDON) and report their end by signal; who
 * was terminated cannot, so its end is seen here as well, and asked for after the model continued as new. Whoever tells
 * first counts, once.
 */
export class ModelChildren {
  private readonly ended: RunOutcome[] = [];

  constructor(
    private readonly model: string | undefined,
    private readonly isOpen: (workflowId: string) => boolean,
  ) {}

  /** Throws where it could not be started; its end is told then all the same. */
  async start({ trigger, workflowId, pipeline, input, options, summary }: ModelRun): Promise<void> {
    const reportTo = { workflowId: workflowInfo().workflowId, trigger };
    try {
      const child = await startChild(pipeline, {
        workflowId,
        args: [input, { ...options, reportTo }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        typedSearchAttributes: [
          { key: { name: searchAttributes.pipeline.name, type: 'KEYWORD' }, value: pipeline },
          ...(this.model === undefined
            ? []
            : [{ key: { name: searchAttributes.model.name, type: 'KEYWORD' as const }, value: this.model }]),
        ],
        staticSummary: summary,
        priority: taskPriority(pipeline, undefined),
      });
      const told = { trigger, workflowId, runId: child.firstExecutionRunId };
      child.result().then(
        (result: RunOutcome['result']) => this.take({ ...told, result }),
        (error: unknown) => this.take({ ...told, result: failed(error) }),
      );
    } catch (error) {
      this.take({ trigger, workflowId, runId: '', result: failed(error) });
      throw error;
    }
  }

  take(outcome: RunOutcome): void {
    if (!this.isOpen(outcome?.workflowId)) return;
    if (this.ended.some((one) => one.workflowId === outcome.workflowId)) return;
    this.ended.push(outcome);
  }

  /** Asks for a run until it is over. */
  async reconcile({ trigger, workflowId }: OpenRun): Promise<void> {
    while (this.isOpen(workflowId)) {
      const outcome = await scheduleActivity<RunOutcome | null>(builtIn.runOutcome, [{ trigger, workflowId }], {
        startToCloseTimeout: 30_000,
        heartbeatTimeout: 10_000,
        summary: `how the run ${workflowId} stands`,
      });
      if (outcome !== null) return this.take(outcome);
      await sleep(askEveryMs);
    }
  }

  get hasEnded(): boolean {
    return this.ended.length > 0;
  }

  next(): RunOutcome | undefined {
    return this.ended.shift();
  }
}

function failed(error: unknown): RunOutcome['result'] {
  return { outcome: 'failed', message: failureText(error), code: codeOf(error) };
}

function codeOf(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) return cause.type;
  }
  return 'SYSTEM_FAILED';
}
