import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { ApprovalAnswer } from '../workflows/sdk/approval-messages.js';
import type { Duration } from '../workflows/sdk/duration.js';
import { type PipelineResult, runMessages } from '../workflows/sdk/protocol.js';
import type { SignalDefinition, SignalPayload } from '../workflows/sdk/signal.js';
import { checkValue, ofAnswer } from './check-value.js';
import type { RunContext } from './context.js';
import { fetchHistory } from './history/fetch.js';
import { projectRun } from './history/project-run.js';
import type { ApprovalView, RunView } from './history/run-view.js';
import { withPlaces } from './pool-places.js';
import type { RunEvent } from './run-events.js';
import { sendUpdate } from './send-update.js';
import { isConnectionLoss, toEvertrainError } from './to-error.js';
import { type RunNews, runNews, watchRun, type WatchOptions } from './watch-run.js';

export interface ApproveOptions {
  /** Who answers; recorded with the answer. */
  readonly actor?: string;
  /** Until a worker must have recorded it; default 10 s. */
  readonly within?: Duration;
}

/** A run on the engine, by its id. Holding one costs nothing; every call asks the engine. */
export class Run<Output = unknown> {
  readonly workflowId: string;
  /** Absent until the engine was asked, for a run that was attached to by its workflow id only. */
  runId: string | undefined;
  private readonly context: RunContext;

  constructor(context: RunContext, workflowId: string, runId?: string) {
    this.context = context;
    this.workflowId = workflowId;
    this.runId = runId;
  }

  /**
   * Waits for the end: the pipeline's output, or the gate that ended it. A failed run throws an EvertrainError with the
   * code of what failed; a cancelled or terminated one USER_RUN_CANCELLED or USER_RUN_TERMINATED. An engine that restarts
   * meanwhile is waited for.
   */
  async result(): Promise<PipelineResult<Output>> {
    for (let delayMs = 250, lostAt: number | undefined; ; delayMs = Math.min(delayMs * 2, 5_000)) {
      try {
        return (await this.handle().result()) as PipelineResult<Output>;
      } catch (error) {
        lostAt ??= Date.now();
        if (!isConnectionLoss(error) || Date.now() - lostAt > 10 * 60_000) throw this.error(error);
        await sleep(delayMs);
      }
    }
  }

  /** The run as it stands. */
  async view(): Promise<RunView> {
    const { client, attempts } = this.context;
    try {
      const runId = await this.pinned();
      const pending = await this.describe(runId);
      const history = await fetchHistory(client, this.workflowId, runId);
      const recorded = await attempts?.(this.workflowId, runId);
      const known = { attempts: recorded, runId };
      const whole = projectRun({ history, pending, ...known });
      const seen = Number(pending.workflowExecutionInfo?.historyLength ?? 0);
      if (whole.closedAt !== undefined) return whole;
      if (whole.events <= seen) return await withPlaces(client, whole);
      // The run went on between the two questions: both speak of the moment of the first.
      const then = projectRun({ history: { events: history.events?.slice(0, seen) ?? [] }, pending, ...known });
      return await withPlaces(client, then);
    } catch (error) {
      throw this.error(error);
    }
  }

  /**
   * What happened and happens, from the run's beginning until it closes; on into the run that continues it. Ends quietly
   * when `signal` aborts. While the engine is away it tells so and goes on by itself.
   */
  async *events(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<RunEvent, void, undefined> {
    yield* watchRun(await this.watched(options.signal));
  }

  /** Like `events`, told by whole views: also where something changed that is no event. */
  async *news(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<RunNews, void, undefined> {
    yield* runNews(await this.watched(options.signal));
  }

  /** Sends a signal, checked against its schema: USER_SIGNAL_INVALID. */
  async signal<S extends SignalDefinition>(definition: S, payload: SignalPayload<S>): Promise<void> {
    const travels = checkValue(definition.schema, payload, 'USER_SIGNAL_INVALID', `signal "${definition.name}"`);
    await this.ask(() => this.handle().signal(definition.name, travels));
  }

  /** The approvals that the run waits for. */
  async approvals(): Promise<readonly ApprovalView[]> {
    const { approvals } = await this.view();
    return approvals.filter(({ state }) => state === 'waiting');
  }

  /**
   * Answers an approval, and returns when the answer is recorded. A wrong answer is refused with USER_ANSWER_INVALID,
   * USER_APPROVAL_UNKNOWN or USER_APPROVAL_ANSWERED; SYSTEM_NOT_RECORDED says that no worker took it in time.
   */
  async approve(id: string, answer: unknown, options: ApproveOptions = {}): Promise<void> {
    const what = `approval "${id}" of run "${this.workflowId}"`;
    const travels = checkValue(undefined, answer, 'USER_ANSWER_INVALID', what, ofAnswer);
    const given: ApprovalAnswer = {
      id,
      answer: travels,
      ...(options.actor === undefined ? {} : { actor: options.actor }),
    };
    await sendUpdate<unknown>({
      client: this.context.client,
      what,
      id: `approve:${id}`,
      within: options.within ?? '10s',
      send: (updateId) =>
        this.handle().startUpdate<unknown, [ApprovalAnswer]>(runMessages.approve, {
          args: [given],
          updateId,
          waitForStage: 'ACCEPTED',
        }),
    });
  }

  /** Asks the run to stop: its open steps are cancelled, its clean-up code runs. */
  async cancel(): Promise<void> {
    await this.ask(() => this.handle().cancel());
  }

  /** Ends the run at once; none of its code runs any more. */
  async terminate(reason: string): Promise<void> {
    await this.ask(() => this.handle().terminate(reason));
  }

  private async watched(signal: AbortSignal | undefined): Promise<WatchOptions> {
    const { client, attempts } = this.context;
    const runId = await this.pinned().catch((error: unknown) => {
      throw this.error(error);
    });
    return { client, workflowId: this.workflowId, runId, attempts, signal };
  }

  private handle(): WorkflowHandle {
    return this.context.client.workflow.getHandle(this.workflowId, this.runId);
  }

  private async pinned(): Promise<string> {
    if (this.runId === undefined) {
      const { workflowExecutionInfo } = await this.describe(undefined);
      this.runId = workflowExecutionInfo?.execution?.runId ?? '';
    }
    return this.runId;
  }

  private describe(runId: string | undefined) {
    const { client } = this.context;
    return client.workflowService.describeWorkflowExecution({
      namespace: client.options.namespace,
      execution: { workflowId: this.workflowId, ...(runId === undefined ? {} : { runId }) },
    });
  }

  private async ask(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      throw this.error(error);
    }
  }

  private error(error: unknown): Error {
    return toEvertrainError(error, { what: `run "${this.workflowId}"`, address: this.context.address });
  }
}
