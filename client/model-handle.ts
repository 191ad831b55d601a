import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, WithStartWorkflowOperation } from '@temporalio/client';
import type { PipelineDefinition } from '../workflows/sdk/definitions.js';
import { type Duration, durationMs } from '../workflows/sdk/duration.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { type Batch, checkBatch } from '../workflows/sdk/model/batch.js';
import {
  type BatchOrder,
  type ConfigureRequest,
  modelMessages,
  type ModelStart,
  modelWorkflowId,
  modelWorkflowType,
  type PromoteRequest,
  type TrainRequest,
} from '../workflows/sdk/model/messages.js';
import type { ModelOrder, ModelState } from '../workflows/sdk/model/model-state.js';
import type { ModelDefinition } from '../workflows/sdk/model/model.js';
import { checkName, checkOptions } from '../workflows/sdk/options.js';
import type { PipelineInput, PipelineOutput } from '../workflows/sdk/pipeline.js';
import type { ModelPolicy } from '../workflows/sdk/model/policy.js';
import { promotionApproval } from '../workflows/sdk/model/runs.js';
import type { Provenance } from '../workflows/sdk/provenance.js';
import type { Condition, NewsFacts } from '../workflows/sdk/sensors/condition.js';
import { checkValue } from './check-value.js';
import type { RunContext } from './context.js';
import type { DataGathering } from './data-gathering.js';
import { type ApproveOptions, Run } from './run.js';
import { modelStart } from './send-data.js';
import { sendUpdate } from './send-update.js';
import { unwatchData, watchData, type WatchOptions } from './watch-data.js';
import { isQueryCrowdedOut, toEvertrainError } from './to-error.js';

const askAgainMs = 200;

export interface TrainOptions {
  /** Names the training: the same trigger twice is one training. Default: a new name. */
  readonly trigger?: string;
  readonly seed?: number;
  readonly provenance?: Provenance | false;
  /** Until a worker must have taken the order; default 10 s. */
  readonly within?: Duration;
}

/** Who orders it, and why; recorded with the model. */
export interface OrderOptions extends ModelOrder {
  /** Until a worker must have taken it; default 10 s. */
  readonly within?: Duration;
}

/** What a model's handle needs of the connection it came from. */
export interface ModelContext extends RunContext {
  readonly data: DataGathering;
}

/** A model by its name: one workflow that lives as long as the model does. It is started by its first training. */
export class Model<P extends PipelineDefinition = PipelineDefinition> {
  readonly name: string;
  private readonly definition: ModelDefinition<P> | undefined;
  private readonly context: ModelContext;
  private readonly provenance: () => Promise<Provenance>;

  constructor(context: ModelContext, model: ModelDefinition<P> | string, provenance: () => Promise<Provenance>) {
    this.name = typeof model === 'string' ? model : model.name;
    checkName('model', this.name);
    this.definition = typeof model === 'string' ? undefined : model;
    this.context = context;
    this.provenance = provenance;
  }

  /** Trains a version: a run of the model's pipeline, which the model's workflow starts and hears the end of. */
  async train(input: PipelineInput<P>, options: TrainOptions = {}): Promise<Run<PipelineOutput<P>>> {
    const schema = this.definition?.pipeline.input;
    const travels = checkValue(schema, input, 'USER_INPUT_INVALID', `the input of a training of model "${this.name}"`);
    const trigger = options.trigger ?? `by-hand-${randomUUID().slice(0, 8)}`;
    const { seed } = options;
    const provenance = options.provenance === false ? undefined : (options.provenance ?? (await this.provenance()));
    const request: TrainRequest = {
      trigger,
      input: travels,
      options: { ...(seed === undefined ? {} : { seed }), ...(provenance === undefined ? {} : { provenance }) },
    };
    const { client } = this.context;
    const { workflowId } = await sendUpdate<{ workflowId: string }>({
      client,
      what: `a training of model "${this.name}"`,
      id: `train:${trigger}`,
      within: options.within ?? '10s',
      doneWithin: '60s',
      send: (updateId) =>
        client.workflow.startUpdateWithStart<() => Promise<unknown>, { workflowId: string }, [TrainRequest]>(
          modelMessages.train,
          { args: [request], updateId, waitForStage: 'ACCEPTED', startWorkflowOperation: this.starting() },
        ),
    });
    return new Run(this.context, workflowId);
  }

  /**
   * Tells the model that data has arrived, and starts the model if there is none yet. Recorded when this returns; whether
   * and when it leads to a training is the model's policy. A batch of an id that it knows is ignored, so repeating is
   * safe. Of a list all are checked before any is sent. Calls at once share signals (see `DataGathering`); one that fails
   * fails all calls whose batches it carried. USER_SIGNAL_INVALID where it is no batch.
   */
  async dataArrived(given: Batch | readonly Batch[]): Promise<void> {
    const batches: readonly Batch[] = isList(given)
      ? given.map((batch, n) => this.checked(batch, `batch [${n}] for model "${this.name}"`))
      : [this.checked(given, `a batch for model "${this.name}"`)];
    if (this.definition !== undefined && this.definition.data === undefined) {
      throw new EvertrainError('USER_OPTION_INVALID', `Model "${this.name}" declares no \`data\`.`, {
        value: this.name,
        remedy: 'Declare `data: { toInput, retrainWhen }` in model().',
      });
    }
    await this.context.data.send(this.name, batches);
  }

  /**
   * From now on tells the model of each object that is new or changed below a prefix, as a batch with its uri, and starts
   * the model if there is none yet; without `since`, also of those that are there. Goes on until `unwatch`, whatever is
   * restarted. Called again for the same prefix it changes the settings. A model counts each object once.
   */
  async watch(condition: Condition<NewsFacts>, options: WatchOptions = {}): Promise<void> {
    await watchData(this.context, this.name, condition, options);
  }

  /** Ends the watch over a prefix, if there is one. */
  async unwatch(uri: string): Promise<void> {
    await unwatchData(this.context, this.name, uri);
  }

  private checked(batch: Batch, what: string): Batch {
    const travels = checkValue(undefined, batch, 'USER_SIGNAL_INVALID', what);
    return checkBatch(this.name, this.definition?.data?.event, travels, what);
  }

  /**
   * Makes a version the champion: it is deployed first, and only what the model server took counts. Where the policy has a
   * rollout this begins it, unless it is to be done `now`.
   */
  async promote(version: string, options: OrderOptions & { readonly now?: boolean } = {}): Promise<ModelState> {
    const { now, ...by } = options;
    const what = `the promotion of version ${version} of model "${this.name}"`;
    return this.order(modelMessages.promote, what, by, { version, ...(now === undefined ? {} : { now }) });
  }

  /**
   * Makes the champion before this one the champion again, as `promote` does: USER_VERSION_UNKNOWN where there is none.
   * While a version is rolled out, it takes that one back instead.
   */
  async rollback(options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.rollback, `the rollback of model "${this.name}"`, options);
  }

  /** Data that arrives is kept, and starts no training until `resume`; people still may. */
  async pause(options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.pause, `the pause of model "${this.name}"`, options);
  }

  async resume(options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.resume, `the resuming of model "${this.name}"`, options);
  }

  /** Trains on the data that waits, and the window before it, whatever the policy says; after an open training. */
  async retrainNow(options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.retrainNow, `the retraining of model "${this.name}"`, options);
  }

  /** Lets a batch be trained on that the quality gate holds back. */
  async releaseBatch(id: string, options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.releaseBatch, `the release of batch "${id}"`, options, { id });
  }

  /** Rejects a batch for good that the quality gate holds back, or that waits. */
  async dropBatch(id: string, options: OrderOptions = {}): Promise<ModelState> {
    return this.order(modelMessages.dropBatch, `the dropping of batch "${id}"`, options, { id });
  }

  /** Replaces fields of the model's policy, until a deployment declares another one. USER_OPTION_INVALID names the field. */
  async configure(policy: Partial<ModelPolicy>, options: OrderOptions = {}): Promise<ModelState> {
    const what = `the configuration of model "${this.name}"`;
    const travels = checkValue(undefined, policy, 'USER_OPTION_INVALID', what) as Partial<ModelPolicy>;
    return this.order(modelMessages.configure, what, options, { policy: travels });
  }

  /** Answers the approval that a promotion waits for: USER_APPROVAL_UNKNOWN where none does. */
  async approve(
    answer: { readonly approved: boolean; readonly comment?: string },
    options: ApproveOptions = {},
  ): Promise<void> {
    const { comparison } = await this.state();
    if (comparison === undefined) {
      throw new EvertrainError('USER_APPROVAL_UNKNOWN', `No promotion of model "${this.name}" waits for a person.`, {
        remedy: '`evertrain model <name>` shows how its versions stand.',
      });
    }
    await this.comparisonRun(comparison).approve(promotionApproval, answer, options);
  }

  /** The run that compares a challenger with the champion, as the model's state names it. */
  comparisonRun({ workflowId }: NonNullable<ModelState['comparison']>): Run {
    return new Run(this.context, workflowId);
  }

  private order(
    update: string,
    what: string,
    { within, ...order }: OrderOptions,
    of: Partial<PromoteRequest & BatchOrder & ConfigureRequest> = {},
  ): Promise<ModelState> {
    checkOptions(what, order, ['actor', 'reason']);
    return this.send(update, what, { ...order, ...of }, within);
  }

  private send(update: string, what: string, request: ModelOrder, within: Duration = '10s'): Promise<ModelState> {
    const { client } = this.context;
    return sendUpdate<ModelState>({
      client,
      what,
      id: update,
      within,
      doneWithin: '10 minutes',
      send: (updateId) =>
        this.existing(() =>
          client.workflow.getHandle(modelWorkflowId(this.name)).startUpdate<ModelState, [ModelOrder]>(update, {
            args: [request],
            updateId,
            waitForStage: 'ACCEPTED',
          }),
        ),
    });
  }

  /** Versions, champion and trainings, as the model's workflow has them; USER_MODEL_UNKNOWN before its first training. */
  async state(options: { readonly within?: Duration } = {}): Promise<ModelState> {
    const { client } = this.context;
    const within = options.within ?? '10s';
    const deadline = Date.now() + durationMs(within, 'within');
    const connection = client.connection as Connection;
    const query = () => client.workflow.getHandle(modelWorkflowId(this.name)).query<ModelState>(modelMessages.state);
    try {
      for (;;) {
        try {
          return await connection.withDeadline(deadline, () => this.existing(query));
        } catch (error) {
          if (!isQueryCrowdedOut(error) || Date.now() + askAgainMs > deadline) throw error;
          await sleep(askAgainMs);
        }
      }
    } catch (error) {
      if (Date.now() < deadline) throw toEvertrainError(error, { what: `model "${this.name}"`, ...this.context });
      throw new EvertrainError('SYSTEM_FAILED', `No worker answered for model "${this.name}" within ${within}.`, {
        remedy: 'Start a worker that serves this project.',
        cause: error,
      });
    }
  }

  /** The run of a training, by its trigger; USER_RUN_UNKNOWN when the model remembers none of that name. */
  async run(trigger: string): Promise<Run<PipelineOutput<P>>> {
    const { training, trainings } = await this.state();
    const found = [...trainings, ...(training === undefined ? [] : [training])].find((one) => one.trigger === trigger);
    if (found !== undefined) return new Run(this.context, found.workflowId);
    throw new EvertrainError('USER_RUN_UNKNOWN', `Model "${this.name}" remembers no training "${trigger}".`, {
      value: trigger,
      remedy: `It remembers: ${trainings.map((one) => one.trigger).join(', ') || 'none'}.`,
    });
  }

  private starting(): WithStartWorkflowOperation<() => Promise<unknown>> {
    const options = { ...modelStart(this.name), workflowIdConflictPolicy: 'USE_EXISTING' as const };
    return new WithStartWorkflowOperation<(start: ModelStart) => Promise<unknown>>(
      modelWorkflowType,
      options,
    ) as WithStartWorkflowOperation<() => Promise<unknown>>;
  }

  private async existing<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const known = toEvertrainError(error, { what: `model "${this.name}"` });
      if (known.code !== 'USER_RUN_UNKNOWN') throw error;
      throw new EvertrainError('USER_MODEL_UNKNOWN', `There is no model "${this.name}" yet.`, {
        value: this.name,
        remedy: 'Its first training makes it: `evertrain.model(…).train(…)`.',
        cause: error,
      });
    }
  }
}

function isList(given: Batch | readonly Batch[]): given is readonly Batch[] {
  return Array.isArray(given);
}
