import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  isCancellation,
  proxySinks,
  scheduleActivity,
  scheduleLocalActivity,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { EvertrainError, show } from './errors.js';
import { failureText, refusing } from './failures.js';
import { checkInput } from './json-size.js';
import type { ModelDefinition } from './model.js';
import { ModelChildren } from './model-children.js';
import {
  checkBatch,
  type DataState,
  dropped,
  due,
  failedOnce,
  givenBack,
  judged,
  noData,
  quarantinedBatch,
  received,
  rejectedFor,
  released,
  settled,
  takeWindow,
} from './model-data.js';
import {
  checkPolicy,
  type DataPolicy,
  dataPolicy,
  type ModelPolicy,
  policyFields,
  promotionTerms,
} from './model-policy.js';
import type { BatchCheckInput, BatchVerdict } from './model-runs.js';
import {
  beforeChampion,
  checkOrder,
  comparisonInput,
  decisionOf,
  fateOf,
  initialState,
  nextChallenger,
  promotable,
  promoted,
  rolledBack,
  settleTraining,
  withDeclared,
  withOrder,
  withStage,
  withTraining,
} from './model-state.js';
import { checkOptions } from './options.js';
import {
  type BatchOrder,
  builtIn,
  type ConfigureRequest,
  type DeclaredModel,
  type Deployment,
  memo,
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
import { notice } from './temporal-host.js';

/**
 * A model's life as one workflow. Signals bring data, updates bring people's orders; what is to be done is done in one
 * loop, one thing after the other: runs that ended are settled, promotions carried out (deployed first: only what the
 * model server took becomes the champion), and what has fallen due is begun: a check of new batches, a training, a
 * comparison. These are runs of their own (`model-children.ts`). The state is all that counts; it is handed over when
 * the workflow continues as new.
 */
export async function runModel(definition: ModelDefinition, start: ModelStart): Promise<never> {
  const life = new ModelLife(definition, start.state ?? initialState(definition));
  life.listen();
  upsertSearchAttributes([{ key: { name: searchAttributes.model.name, type: 'KEYWORD' }, value: definition.name }]);
  await life.begin();
  for (;;) {
    await life.untilWork();
    await life.work();
    if (life.shouldContinueAsNew && life.isIdle) {
      // A handler may wait for work of this loop's.
      await condition(() => allHandlersFinished() || !life.isIdle);
      if (!life.isIdle) continue;
      proxySinks<RunSinks>().evertrain.closing();
      await continueAsNew({ name: definition.name, state: life.state } satisfies ModelStart);
    }
  }
}

interface Promotion {
  readonly version: ModelVersion;
  readonly reason: string;
  readonly isRollback?: boolean;
  /** The champion when it was ordered. */
  readonly over: string | undefined;
  done: boolean;
  failure?: ApplicationFailure | undefined;
}

class ModelLife {
  private readonly children: ModelChildren;
  private readonly promotions: Promotion[] = [];
  private readonly arrived: unknown[] = [];
  /** Told by a worker: its code is not the one that this execution began on. */
  private isOutdated = false;
  state: ModelState;

  constructor(
    private readonly definition: ModelDefinition,
    state: ModelState,
  ) {
    this.state = state;
    this.children = new ModelChildren(definition.name, (workflowId) =>
      this.openRuns().some((run) => run.workflowId === workflowId),
    );
  }

  listen(): void {
    setHandler(defineQuery<ModelState>(modelMessages.state), () => this.state);
    setHandler(defineSignal<[RunOutcome]>(modelMessages.outcome), (outcome) => this.children.take(outcome));
    setHandler(defineSignal<[unknown]>(modelMessages.data), (batch) => void this.arrived.push(batch));
    setHandler(defineSignal<[{ code?: unknown }]>(modelMessages.deployed), (told) => {
      this.isOutdated ||= typeof told?.code === 'string' && told.code !== this.state.declared?.code;
    });
    setHandler(
      defineUpdate<{ workflowId: string }, [TrainRequest]>(modelMessages.train),
      (request) => this.train(request),
      { validator: (request) => refusing(() => this.checkTraining(request)) },
    );
    this.onOrder<PromoteRequest>(modelMessages.promote, {
      check: ({ version }) => promotable(this.state, version),
      carryOut: ({ version, actor, reason }) => {
        const why = reason === undefined ? '' : `: ${reason}`;
        return this.queued({
          version: promotable(this.state, version),
          reason: `promoted by ${actor ?? 'a person'}${why}`,
        });
      },
    });
    this.onOrder(modelMessages.rollback, {
      check: () => beforeChampion(this.state),
      carryOut: ({ actor, reason }) => {
        const why = reason === undefined ? '' : `: ${reason}`;
        return this.queued({
          version: beforeChampion(this.state),
          reason: `rolled back to by ${actor ?? 'a person'}${why}`,
          isRollback: true,
        });
      },
    });
    this.onOrder(modelMessages.pause, {
      carryOut: (order) => {
        this.state = { ...this.state, paused: { ...order, at: new Date().toISOString() } };
      },
    });
    this.onOrder(modelMessages.resume, {
      carryOut: () => {
        const { paused: _, ...rest } = this.state;
        this.state = rest;
      },
    });
    this.onOrder(modelMessages.retrainNow, {
      check: () => this.checkRetrainNow(),
      carryOut: () => this.withData((data) => ({ ...data, asked: true })),
    });
    this.onOrder<BatchOrder>(modelMessages.releaseBatch, {
      check: ({ id }) => quarantinedBatch(this.state.name, this.state.data, id),
      carryOut: ({ id }) =>
        this.withData((data) => released(data, quarantinedBatch(this.state.name, this.state.data, id))),
    });
    this.onOrder<BatchOrder>(modelMessages.dropBatch, {
      check: ({ id }) => quarantinedBatch(this.state.name, this.state.data, id),
      carryOut: ({ id, actor, reason }) => {
        const why = reason === undefined ? '' : `: ${reason}`;
        const found = quarantinedBatch(this.state.name, this.state.data, id);
        this.withData((data) => dropped(data, found, `dropped by ${actor ?? 'a person'}${why}`, Date.now()));
      },
    });
    this.onOrder<ConfigureRequest>(modelMessages.configure, {
      check: ({ policy }) => this.configured(policy),
      carryOut: ({ policy }) => {
        this.state = { ...this.state, policy: this.configured(policy) };
      },
    });
  }

  /** An order of a person's: refused at once by its check, else noted with who gave it, and carried out. */
  private onOrder<O extends ModelOrder = ModelOrder>(
    update: string,
    { check, carryOut }: { check?: (order: O) => unknown; carryOut: (order: O) => unknown },
  ): void {
    const handler = async (given: O | undefined): Promise<ModelState> => {
      const order = given ?? ({} as O);
      this.state = withOrder(this.state, update.slice('evertrain.model.'.length), order, new Date().toISOString());
      await carryOut(order);
      return this.state;
    };
    const validator = (given: O | undefined) =>
      refusing(() => {
        checkOrder(given);
        check?.(given ?? ({} as O));
      });
    setHandler(defineUpdate<ModelState, [O | undefined]>(update), handler, { validator });
  }

  /** What the worker's code declares is written into the history, so that a replay goes by what was, not by what is. */
  async begin(): Promise<void> {
    const declared = await scheduleLocalActivity<DeclaredModel | null>(builtIn.declaredModel, [this.definition.name], {
      startToCloseTimeout: 10_000,
    });
    if (declared !== null) {
      this.state = withDeclared(this.state, declared);
      upsertMemo({ [memo.code]: declared.code });
    }
    for (const run of this.openRuns()) this.children.reconcile(run).catch(() => undefined);
  }

  /** Until something is to be done: at once, or when waiting data falls due. */
  async untilWork(): Promise<void> {
    const at = this.due()?.at;
    // A pause that ends changes when data falls due, as much else does.
    const ready = () => !this.isIdle || this.shouldContinueAsNew || this.due()?.at !== at;
    if (at === undefined) await condition(ready);
    else if (at > Date.now()) await condition(ready, at - Date.now());
  }

  get shouldContinueAsNew(): boolean {
    return this.isOutdated || workflowInfo().continueAsNewSuggested;
  }

  get isIdle(): boolean {
    const waits = this.arrived.length > 0 || this.children.hasEnded || this.promotions.length > 0;
    return !waits && !(this.state.comparison === undefined && nextChallenger(this.state) !== undefined);
  }

  async work(): Promise<void> {
    this.receive();
    for (let outcome = this.children.next(); outcome !== undefined; outcome = this.children.next()) {
      await this.settle(outcome);
    }
    for (let next = this.promotions.shift(); next !== undefined; next = this.promotions.shift()) {
      next.failure = this.overtaken(next) ?? (await this.promote(next.version, next.reason, next.isRollback));
      next.done = true;
    }
    if (this.state.comparison === undefined) await this.compare();
    const next = this.due();
    if (next === undefined || next.at > Date.now()) return;
    if (next.what === 'check') await this.checkBatches();
    else if (this.state.training === undefined) await this.trainOnData();
    else await this.supersede();
  }

  private openRuns() {
    const { training, checking, comparison } = this.state;
    return [training, checking, comparison].filter((run) => run !== undefined);
  }

  private async settle(outcome: RunOutcome): Promise<void> {
    const { training, checking, comparison } = this.state;
    if (training?.workflowId === outcome.workflowId) await this.settleTraining(outcome);
    else if (checking?.workflowId === outcome.workflowId) this.settleCheck(outcome);
    else if (comparison?.workflowId === outcome.workflowId) await this.settleComparison(outcome);
  }

  // Data

  private get policy(): ModelPolicy {
    return this.state.policy ?? this.definition.policy;
  }

  private get dataPolicy(): DataPolicy | undefined {
    const { policy, definition } = this;
    return definition.data === undefined ? undefined : dataPolicy(`model "${definition.name}"`, policy);
  }

  private due() {
    const { data, training, checking, paused } = this.state;
    const policy = this.dataPolicy;
    if (data === undefined || policy === undefined || checking !== undefined) return undefined;
    if (paused !== undefined && !data.asked) return undefined;
    const isBusy = training !== undefined && !(policy.restarts && training.data !== undefined);
    if (isBusy || training?.isSuperseded) return undefined;
    return due(data, policy, this.definition.runs.batchCheck !== undefined);
  }

  private withData(change: (data: DataState) => DataState): void {
    this.state = { ...this.state, data: change(this.state.data ?? noData()) };
  }

  /** What no client would have sent is set aside with its reason, and harms nobody. */
  private receive(): void {
    const now = Date.now();
    for (const given of this.arrived.splice(0)) this.withData((before) => this.receiveOne(before, given, now));
  }

  private receiveOne(before: DataState, given: unknown, now: number): DataState {
    const { name, data } = this.definition;
    const told = (given as { id?: unknown } | null)?.id;
    const id = typeof told === 'string' ? told.slice(0, 200) : '?';
    if (data === undefined) return rejectedFor(before, id, `model "${name}" declares no \`data\``, now);
    try {
      return received(before, checkBatch(name, data.event, given), now);
    } catch (error) {
      return rejectedFor(before, id, failureText(error).slice(0, 500), now);
    }
  }

  private async checkBatches(): Promise<void> {
    const { batchCheck } = this.definition.runs;
    const { data, versions, champion } = this.state;
    if (batchCheck === undefined || data === undefined) return;
    const batches = data.waiting
      .filter(({ checked }) => !checked)
      .map(({ checked: _, receivedAt: _at, at: _told, ...batch }) => batch);
    const checks = data.checks + 1;
    const trigger = `check-${checks}`;
    const workflowId = `${batchCheck.name}/${trigger}`;
    this.state = { ...this.state, data: { ...data, checks }, checking: { trigger, workflowId } };
    const reference = versions.find((one) => one.version === champion)?.reference;
    const { quality } = this.policy;
    const input: BatchCheckInput = {
      batches,
      ...(reference === undefined ? {} : { reference }),
      ...(quality === undefined ? {} : { rules: quality }),
    };
    const summary = `new data of model ${this.definition.name}`;
    await this.children
      .start({ trigger, workflowId, pipeline: batchCheck.name, input, summary })
      .catch(unlessCancelled);
  }

  private settleCheck({ result }: RunOutcome): void {
    const { checking: _, ...rest } = this.state;
    this.state = rest;
    const verdicts = result.outcome === 'completed' ? (result.output as readonly BatchVerdict[]) : undefined;
    const now = Date.now();
    this.withData((data) => (verdicts === undefined ? failedOnce(data, now) : judged(data, verdicts, now)));
    const bad = (verdicts ?? []).filter(({ problems }) => problems.length > 0);
    if (bad.length === 0) return;
    const message = `${bad.length} batches of model "${this.definition.name}" are held back: ${bad[0]?.id}: ${bad[0]?.problems[0]}`;
    const facts = bad.slice(0, 10);
    notice({ kind: 'data-quarantined', pipeline: this.definition.name, message, facts }).catch(() => undefined);
  }

  private async trainOnData(): Promise<void> {
    const { data: declared, pipeline, runs } = this.definition;
    const policy = this.dataPolicy;
    if (declared === undefined || policy === undefined || this.state.data === undefined) return;
    const { data, window } = takeWindow(this.state.data, policy, runs.batchCheck !== undefined);
    this.state = { ...this.state, data };
    // All that a person wanted to train on was held back.
    if (window.length === 0) return;
    const trigger = `data-${data.trainings}`;
    try {
      const input = declared.toInput(window);
      checkInput(`${this.definition.name}: data.toInput`, input);
      decode(pipeline.input, input, 'USER_INPUT_INVALID', `what data.toInput made for pipeline "${pipeline.name}"`);
      const rows = window.reduce((sum, batch) => sum + batch.rows, 0);
      await this.train({ trigger, input }, { batches: window.length, newBatches: data.inTraining.length, rows });
    } catch (error) {
      // A child that could not be started has told its end.
      if (isCancellation(error) || this.state.training?.trigger === trigger) return;
      this.state = withTraining(this.state, { trigger, workflowId: '', outcome: 'failed', reason: failureText(error) });
      this.settleData();
    }
  }

  private checkRetrainNow(): void {
    const { data, name } = this.state;
    const windowBatches = this.dataPolicy?.windowBatches ?? 0;
    if (data !== undefined && (data.waiting.length > 0 || (windowBatches > 0 && data.used.length > 0))) return;
    throw new EvertrainError('USER_OPTION_INVALID', `Model "${name}" has no data to train on.`, {
      value: data?.counts.received ?? 0,
      remedy: 'Send a batch (`dataArrived`), or train by hand on an input of yours (`train`).',
    });
  }

  /** Newer data is due: what trains on older data is cancelled, and its batches go into the next training. */
  private async supersede(): Promise<void> {
    const { training } = this.state;
    if (training === undefined) return;
    this.state = { ...this.state, training: { ...training, isSuperseded: true } };
    await getExternalWorkflowHandle(training.workflowId).cancel().catch(unlessCancelled);
  }

  // Trainings

  private checkTraining(request: TrainRequest): void {
    if (typeof request?.trigger !== 'string' || !/^[A-Za-z0-9._:-]{1,100}$/.test(request.trigger)) {
      throw new EvertrainError('USER_OPTION_INVALID', `A training needs a trigger; got ${show(request?.trigger)}.`, {
        value: request?.trigger,
        remedy: 'Use 1 to 100 letters, digits, ".", "_", ":" or "-".',
      });
    }
    if (/^data-\d+$/.test(request.trigger)) {
      throw new EvertrainError('USER_OPTION_INVALID', `"${request.trigger}" is what data calls its trainings.`, {
        value: request.trigger,
        remedy: 'Use another trigger, or leave it out.',
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
    const rest = { input, summary: `training of model ${name}`, ...(options === undefined ? {} : { options }) };
    try {
      await this.children.start({ trigger, workflowId, pipeline: pipeline.name, ...rest });
    } catch (error) {
      if (isCancellation(error)) throw error;
      throw ApplicationFailure.nonRetryable(`The training could not start: ${failureText(error)}`, 'USER_RUN_EXISTS');
    }
    return { workflowId };
  }

  private async settleTraining(outcome: RunOutcome): Promise<void> {
    const { nextVersion, training } = this.state;
    this.state = settleTraining(this.state, outcome, new Date().toISOString());
    if (training?.isSuperseded && this.state.trainings.at(-1)?.outcome === 'failed') this.withData(givenBack);
    else this.settleData();
    const version = this.state.versions.find((one) => one.version === String(nextVersion));
    if (version === undefined) return;
    const fate = fateOf(this.definition, this.policy, this.state, version);
    if (fate.kind === 'promote') await this.promote(version, fate.reason);
    else if (fate.kind === 'keep') this.state = withStage(this.state, version.version, 'candidate', fate.reason);
    else this.state = withStage(this.state, version.version, 'challenger', 'waits for its comparison');
  }

  /** The batches of the training that has just ended, if it was data's; else none is in training. */
  private settleData(): void {
    const { data, trainings } = this.state;
    const made = trainings.at(-1);
    if (data === undefined || made === undefined || data.inTraining.length === 0) return;
    const policy = this.dataPolicy ?? { windowBatches: 0 };
    this.state = { ...this.state, data: settled(data, policy, made, Date.now()) };
  }

  // Promotions

  private async compare(): Promise<void> {
    const { comparison } = this.definition.runs;
    const next = nextChallenger(this.state);
    if (next === undefined) return;
    const terms = promotionTerms(`model "${this.definition.name}"`, this.policy);
    const { version } = next.version;
    if (comparison === undefined || terms === 'manual') {
      this.state = withStage(next.state, version, 'candidate', 'waits for a person to promote it');
      return;
    }
    const trigger = `${version}.${next.state.revision}`;
    const workflowId = `${comparison.name}/${trigger}`;
    const { champion } = next.state;
    const open = { trigger, workflowId, version, ...(champion === undefined ? {} : { champion }) };
    this.state = withStage({ ...next.state, comparison: open }, version, 'challenger', 'is being compared');
    const input = comparisonInput(this.state, next.version, terms);
    const summary = `version ${version} of model ${this.definition.name} against version ${champion ?? 'none'}`;
    await this.children
      .start({ trigger, workflowId, pipeline: comparison.name, input, summary })
      .catch(unlessCancelled);
  }

  private async settleComparison(outcome: RunOutcome): Promise<void> {
    const { comparison, ...rest } = this.state;
    this.state = rest;
    const version = rest.versions.find((one) => one.version === comparison?.version);
    // A person has decided meanwhile; or there is another champion, against which it is compared anew.
    if (version?.stage !== 'challenger' || comparison?.champion !== rest.champion) return;
    const decision = decisionOf(outcome);
    if (decision.kind === 'undecided') {
      this.state = withStage(rest, version.version, 'candidate', decision.reason);
      return;
    }
    const stage = decision.kind === 'promote' ? 'challenger' : 'rejected';
    this.state = withStage(rest, version.version, stage, decision.reason, decision.facts);
    if (decision.kind === 'promote') await this.promote(version, decision.reason);
  }

  private async queued(wanted: Omit<Promotion, 'done' | 'over'>): Promise<void> {
    const promotion: Promotion = { ...wanted, over: this.state.champion, done: false };
    this.promotions.push(promotion);
    await condition(() => promotion.done);
    if (promotion.failure !== undefined) throw promotion.failure;
  }

  /** Another promotion may have come first since it was ordered: to do it all the same would not do what was meant. */
  private overtaken({ version, isRollback, over }: Promotion): ApplicationFailure | undefined {
    try {
      refusing(() => {
        if (!isRollback) promotable(this.state, version.version);
        else if (this.state.champion !== over) {
          const now = `Version ${this.state.champion} has become the champion of "${this.state.name}" meanwhile.`;
          throw new EvertrainError('USER_OPTION_INVALID', now, {
            remedy: 'Roll back again if you mean that one, too.',
          });
        }
      });
      return undefined;
    } catch (error) {
      return error as ApplicationFailure;
    }
  }

  /** Answers the failure when the model server refused the version; the champion stays then. */
  private async promote(
    { version }: ModelVersion,
    reason: string,
    isRollback = false,
  ): Promise<ApplicationFailure | undefined> {
    this.state = { ...this.state, revision: this.state.revision + 1, promoting: version };
    try {
      if (this.definition.serve) await this.deploy(version);
      this.state = withoutPromoting(this.state);
    } catch (error) {
      this.state = withoutPromoting(this.state);
      if (isCancellation(error)) throw error;
      const why = `not deployed: ${failureText(error)}`;
      this.state = withStage(this.state, version, 'rejected', why);
      return ApplicationFailure.nonRetryable(`Version ${version} was ${why}`, 'SYSTEM_DEPLOY_FAILED');
    }
    const become = isRollback ? rolledBack : promoted;
    this.state = become(this.state, version, reason);
    return undefined;
  }

  private async deploy(number: string): Promise<void> {
    const version = this.state.versions.find((one) => one.version === number) as ModelVersion;
    const deployment: Deployment = {
      model: this.definition.name,
      version: number,
      revision: this.state.revision,
      artifact: version.artifact,
      producedBy: version.run,
      ...(version.golden === undefined ? {} : { golden: version.golden }),
    };
    await scheduleActivity(builtIn.deploy, [deployment], {
      startToCloseTimeout: 120_000,
      heartbeatTimeout: 10_000,
      retry: {
        maximumAttempts: 10,
        maximumInterval: 10_000,
        nonRetryableErrorTypes: ['SYSTEM_DEPLOY_FAILED', 'SYSTEM_FENCED', 'SYSTEM_PEER_MISSING'],
      },
      summary: `deploy version ${number} of ${this.definition.name}`,
    });
  }

  private configured(change: Partial<ModelPolicy>): ModelPolicy {
    const owner = `model "${this.definition.name}"`;
    checkOptions(`${owner}: configure`, change, policyFields);
    const { quality } = change;
    if (quality !== undefined && this.definition.runs.batchCheck === undefined) {
      throw new EvertrainError('USER_OPTION_INVALID', `${owner} declares no \`quality\` to configure.`, {
        value: quality,
        remedy: 'Declare `data: { quality }` in model(), and deploy.',
      });
    }
    const policy = { ...this.policy, ...change };
    if (this.definition.data === undefined && policy.retrainWhen !== undefined) {
      throw new EvertrainError('USER_OPTION_INVALID', `${owner} declares no \`data\` to configure.`, {
        value: policy.retrainWhen,
        remedy: 'Declare `data: { toInput, retrainWhen }` in model(), and deploy.',
      });
    }
    return checkPolicy(owner, policy);
  }
}

function withoutPromoting({ promoting: _, ...state }: ModelState): ModelState {
  return state;
}

/** The run's end has been told; it is settled like any other. */
function unlessCancelled(error: unknown): void {
  if (isCancellation(error)) throw error;
}
