import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  ParentClosePolicy,
  proxySinks,
  rootCause,
  scheduleActivity,
  setHandler,
  sleep,
  startChild,
  upsertSearchAttributes,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { EvertrainError, isEvertrainError, show } from './errors.js';
import type { ModelDefinition } from './model.js';
import { checkInput } from './json-size.js';
import { checkBatch, type DataState, dueAt, noData, received, rejectedFor, settled, takeWindow } from './model-data.js';
import {
  beforeChampion,
  decide,
  initialState,
  promotable,
  promoted,
  rolledBack,
  settleTraining,
  withStage,
  withTraining,
} from './model-state.js';
import {
  builtIn,
  type Deployment,
  type ModelOrder,
  type ModelStart,
  type ModelState,
  type ModelVersion,
  modelMessages,
  type PromoteRequest,
  type RunOutcome,
  type RunSinks,
  searchAttributes,
  type TrainRequest,
} from './protocol.js';
import { decode } from './schema.js';

/**
 * A model's life as one workflow. Updates ask for a training or a promotion; a training is a child run that outlives
 * this one's history (ABANDON) and reports its outcome by signal, deduplicated by trigger. Promotions are done one at a
 * time: deploy first, and only what the model server took becomes the champion.
 */
export async function runModel(definition: ModelDefinition, start: ModelStart): Promise<never> {
  const life = new ModelLife(definition, start.state ?? initialState(definition));
  life.listen();
  if (start.state?.training !== undefined) life.reconcile(start.state.training).catch(() => undefined);
  upsertSearchAttributes([{ key: { name: searchAttributes.model.name, type: 'KEYWORD' }, value: definition.name }]);
  for (;;) {
    await life.untilWork();
    await life.work();
    if (workflowInfo().continueAsNewSuggested && life.isIdle()) {
      // A handler may wait for work of this loop's.
      await condition(() => allHandlersFinished() || !life.isIdle());
      if (!life.isIdle()) continue;
      proxySinks<RunSinks>().evertrain.closing();
      await continueAsNew({ name: definition.name, state: life.state } satisfies ModelStart);
    }
  }
}

/** How often a training is asked for that this run of the workflow did not start. */
const askEveryMs = 5 * 60_000;

class ModelLife {
  private readonly outcomes: RunOutcome[] = [];
  private readonly promotions: Promotion[] = [];
  private readonly arrived: unknown[] = [];
  state: ModelState;

  constructor(
    private readonly definition: ModelDefinition,
    state: ModelState,
  ) {
    this.state = state;
  }

  listen(): void {
    setHandler(defineQuery<ModelState>(modelMessages.state), () => this.state);
    setHandler(defineSignal<[RunOutcome]>(modelMessages.outcome), (outcome) => this.take(outcome));
    setHandler(defineSignal<[unknown]>(modelMessages.data), (batch) => void this.arrived.push(batch));
    setHandler(
      defineUpdate<{ workflowId: string }, [TrainRequest]>(modelMessages.train),
      (request) => this.train(request),
      { validator: (request) => refusing(() => this.checkTraining(request)) },
    );
    setHandler(
      defineUpdate<ModelState, [PromoteRequest]>(modelMessages.promote),
      (request) => this.promoteByHand(request),
      { validator: (request) => refusing(() => void promotable(this.state, request?.version)) },
    );
    setHandler(defineUpdate<ModelState, [ModelOrder]>(modelMessages.rollback), (order) => this.rollBack(order), {
      validator: (_order) => refusing(() => void beforeChampion(this.state)),
    });
    setHandler(defineUpdate<ModelState, [ModelOrder]>(modelMessages.pause), (order) => {
      this.state = { ...this.state, paused: { ...order, at: new Date().toISOString() } };
      return this.state;
    });
    setHandler(defineUpdate<ModelState, [ModelOrder]>(modelMessages.resume), (_order) => {
      const { paused: _, ...rest } = this.state;
      this.state = rest;
      return this.state;
    });
  }

  /** Until something is to be done: at once, or when waiting data falls due. */
  async untilWork(): Promise<void> {
    const dueAt = this.dueAt();
    // A pause that ends changes when data falls due.
    const ready = () => this.hasWork() || workflowInfo().continueAsNewSuggested || this.dueAt() !== dueAt;
    if (dueAt === undefined) await condition(ready);
    else if (dueAt > Date.now()) await condition(ready, dueAt - Date.now());
  }

  /**
   * A training that was started before this workflow continued as new tells its end by signal. One that was terminated
   * cannot, so it is asked for.
   */
  async reconcile(training: NonNullable<ModelState['training']>): Promise<void> {
    while (this.state.training?.trigger === training.trigger) {
      const outcome = await scheduleActivity<RunOutcome | null>(builtIn.trainingOutcome, [training], {
        startToCloseTimeout: 30_000,
        heartbeatTimeout: 10_000,
        summary: `how the training ${training.trigger} stands`,
      });
      if (outcome !== null) return this.take(outcome);
      await sleep(askEveryMs);
    }
  }

  hasWork(): boolean {
    return this.arrived.length > 0 || this.outcomes.length > 0 || this.promotions.length > 0;
  }

  private dueAt(): number | undefined {
    const { data, training } = this.state;
    if (data === undefined || training !== undefined || this.definition.data === undefined) return undefined;
    if (this.state.paused !== undefined) return undefined;
    return dueAt(data, this.definition.data);
  }

  isIdle(): boolean {
    return !this.hasWork();
  }

  async work(): Promise<void> {
    this.receive();
    for (let outcome = this.outcomes.shift(); outcome !== undefined; outcome = this.outcomes.shift()) {
      await this.settle(outcome);
    }
    for (let next = this.promotions.shift(); next !== undefined; next = this.promotions.shift()) {
      next.failure = await this.promote(next.version, next.reason, next.isRollback);
      next.done = true;
    }
    const due = this.dueAt();
    if (due !== undefined && due <= Date.now()) await this.trainOnData();
  }

  /** What no client would have sent is set aside with its reason, and harms nobody. */
  private receive(): void {
    for (const given of this.arrived.splice(0)) {
      const before = this.state.data ?? noData();
      const now = Date.now();
      this.state = { ...this.state, data: this.receiveOne(before, given, now) };
    }
  }

  private receiveOne(before: DataState, given: unknown, now: number): DataState {
    const { name, data: policy } = this.definition;
    const told = (given as { id?: unknown } | null)?.id;
    const id = typeof told === 'string' ? told.slice(0, 200) : '?';
    if (policy === undefined) return rejectedFor(before, id, `model "${name}" declares no \`data\``, now);
    try {
      return received(before, checkBatch(name, policy.event, given), now);
    } catch (error) {
      if (!isEvertrainError(error)) throw error;
      return rejectedFor(before, id, error.message.slice(0, 500), now);
    }
  }

  private async trainOnData(): Promise<void> {
    const { data: policy, pipeline } = this.definition;
    if (policy === undefined || this.state.data === undefined) return;
    const { data, window } = takeWindow(this.state.data, policy);
    this.state = { ...this.state, data };
    const trigger = `data-${data.trainings}`;
    try {
      const input = policy.toInput(window);
      checkInput(`${this.definition.name}: data.toInput`, input);
      decode(pipeline.input, input, 'USER_INPUT_INVALID', `what data.toInput made for pipeline "${pipeline.name}"`);
      const rows = window.reduce((sum, batch) => sum + batch.rows, 0);
      await this.train({ trigger, input }, { batches: window.length, newBatches: data.inTraining.length, rows });
    } catch (error) {
      // A child that could not be started has told its outcome.
      if (isCancellation(error) || this.outcomes.some((one) => one.trigger === trigger)) return;
      this.state = withTraining(this.state, { trigger, workflowId: '', outcome: 'failed', reason: text(error) });
      this.settleData();
    }
  }

  private checkTraining(request: TrainRequest): void {
    if (typeof request?.trigger !== 'string' || !/^[A-Za-z0-9._:-]{1,100}$/.test(request.trigger)) {
      throw new EvertrainError('USER_OPTION_INVALID', `A training needs a trigger; got ${show(request?.trigger)}.`, {
        value: request?.trigger,
        remedy: 'Use 1 to 100 letters, digits, ".", "_", ":" or "-".',
      });
    }
    const pipeline = this.definition.pipeline;
    decode(pipeline.input, request.input, 'USER_INPUT_INVALID', `the input of pipeline "${pipeline.name}"`);
    const busy = this.state.training;
    if (busy !== undefined && busy.trigger !== request.trigger) {
      throw new EvertrainError(
        'USER_RUN_EXISTS',
        `Model "${this.definition.name}" is training already (${busy.trigger}).`,
        {
          value: busy.workflowId,
          remedy: 'Wait for that run, or cancel it.',
        },
      );
    }
  }

  private async train(
    { trigger, input, options }: TrainRequest,
    data?: ModelVersion['data'],
  ): Promise<{ workflowId: string }> {
    const earlier = this.state.trainings.find((one) => one.trigger === trigger) ?? this.state.training;
    if (earlier?.trigger === trigger) return { workflowId: earlier.workflowId };
    const { pipeline, name } = this.definition;
    const workflowId = `${pipeline.name}/${name}/${trigger}`;
    this.state = { ...this.state, training: { trigger, workflowId, ...(data === undefined ? {} : { data }) } };
    const reportTo = { workflowId: workflowInfo().workflowId, trigger };
    try {
      const child = await startChild(pipeline.name, {
        workflowId,
        args: [input, { ...options, reportTo }],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
        typedSearchAttributes: [
          { key: { name: searchAttributes.pipeline.name, type: 'KEYWORD' }, value: pipeline.name },
          { key: { name: searchAttributes.model.name, type: 'KEYWORD' }, value: name },
        ],
        staticSummary: `training of model ${name}`,
      });
      this.watch(trigger, workflowId, child);
    } catch (error) {
      this.take({ trigger, workflowId, runId: '', result: failed(error) });
      throw ApplicationFailure.nonRetryable(`The training could not start: ${text(error)}`, 'USER_RUN_EXISTS');
    }
    return { workflowId };
  }

  /** A terminated run cannot report; its end is seen here. Whoever tells first counts. */
  private watch(trigger: string, workflowId: string, child: Awaited<ReturnType<typeof startChild>>): void {
    const runId = child.firstExecutionRunId;
    child.result().then(
      (result: RunOutcome['result']) => this.take({ trigger, workflowId, runId, result }),
      (error: unknown) => this.take({ trigger, workflowId, runId, result: failed(error) }),
    );
  }

  private take(outcome: RunOutcome): void {
    if (this.state.training?.trigger !== outcome?.trigger) return;
    if (this.outcomes.some((one) => one.trigger === outcome.trigger)) return;
    this.outcomes.push(outcome);
  }

  private async settle(outcome: RunOutcome): Promise<void> {
    if (this.state.training?.trigger !== outcome.trigger) return;
    const before = this.state.nextVersion;
    this.state = settleTraining(this.state, outcome, new Date().toISOString());
    this.settleData();
    const version = this.state.versions.find((one) => one.version === String(before));
    if (version === undefined) return;
    const decision = decide(this.definition, this.state, version);
    if (decision.promote) await this.promote(version, decision.reason);
    else this.state = withStage(this.state, version.version, 'candidate', decision.reason);
  }

  /** The batches of the training that has just ended, if it was data's; else none is in training. */
  private settleData(): void {
    const { data, trainings } = this.state;
    const made = trainings.at(-1);
    if (data === undefined || made === undefined) return;
    const policy = this.definition.data ?? { windowBatches: 0 };
    this.state = { ...this.state, data: settled(data, policy, made, Date.now()) };
  }

  private promoteByHand({ version, actor }: PromoteRequest): Promise<ModelState> {
    return this.queued({ version: promotable(this.state, version), reason: `promoted by ${actor ?? 'a person'}` });
  }

  private rollBack(order: ModelOrder): Promise<ModelState> {
    const why = order?.reason === undefined ? '' : `: ${order.reason}`;
    const reason = `rolled back to by ${order?.actor ?? 'a person'}${why}`;
    return this.queued({ version: beforeChampion(this.state), reason, isRollback: true });
  }

  private async queued(wanted: Omit<Promotion, 'done'>): Promise<ModelState> {
    const promotion: Promotion = { ...wanted, done: false };
    this.promotions.push(promotion);
    await condition(() => promotion.done);
    if (promotion.failure !== undefined) throw promotion.failure;
    return this.state;
  }

  /** Answers the failure when the model server refused the version; the champion stays then. */
  private async promote(
    version: ModelVersion,
    reason: string,
    isRollback = false,
  ): Promise<ApplicationFailure | undefined> {
    this.state = { ...this.state, revision: this.state.revision + 1, promoting: version.version };
    try {
      if (this.definition.serve) await this.deploy(version);
      this.state = withoutPromoting(this.state);
    } catch (error) {
      this.state = withoutPromoting(this.state);
      if (isCancellation(error)) throw error;
      this.state = withStage(this.state, version.version, 'rejected', `not deployed: ${text(error)}`);
      return ApplicationFailure.nonRetryable(
        `Version ${version.version} was not deployed: ${text(error)}`,
        'SYSTEM_DEPLOY_FAILED',
      );
    }
    const become = isRollback ? rolledBack : promoted;
    this.state = become(this.state, version.version, reason);
    return undefined;
  }

  private deploy(version: ModelVersion): Promise<unknown> {
    const deployment: Deployment = {
      model: this.definition.name,
      version: version.version,
      revision: this.state.revision,
      artifact: version.artifact,
      producedBy: version.run,
      ...(version.golden === undefined ? {} : { golden: version.golden }),
    };
    return scheduleActivity(builtIn.deploy, [deployment], {
      startToCloseTimeout: 120_000,
      heartbeatTimeout: 10_000,
      retry: {
        maximumAttempts: 10,
        maximumInterval: 10_000,
        nonRetryableErrorTypes: ['SYSTEM_DEPLOY_FAILED', 'SYSTEM_FENCED', 'SYSTEM_PEER_MISSING'],
      },
      summary: `deploy version ${version.version} of ${this.definition.name}`,
    });
  }
}

function withoutPromoting({ promoting: _, ...state }: ModelState): ModelState {
  return state;
}

interface Promotion {
  readonly version: ModelVersion;
  readonly reason: string;
  readonly isRollback?: boolean;
  done: boolean;
  failure?: ApplicationFailure | undefined;
}

function failed(error: unknown): RunOutcome['result'] {
  return { outcome: 'failed', message: text(error), code: 'SYSTEM_FAILED' };
}

function text(error: unknown): string {
  return rootCause(error) ?? String(error);
}

/** Lets an update's validator refuse with a code that survives the wire. */
function refusing(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!isEvertrainError(error)) throw error;
    throw ApplicationFailure.nonRetryable(error.message, error.code, { remedy: error.remedy ?? '' });
  }
}
