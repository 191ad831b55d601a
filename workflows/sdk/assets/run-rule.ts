import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  scheduleActivity,
  setHandler,
  sleep,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { jsonDigest } from '../digest.js';
import type { Batch } from '../model/batch.js';
import { ModelChildren } from '../model/children.js';
import { modelMessages, modelWorkflowId } from '../model/messages.js';
import { notice } from '../notice.js';
import { builtIn, type RunOutcome } from '../protocol.js';
import type { RunOptions } from '../run-options.js';
import {
  assetMessages,
  type AssetReader,
  type News,
  type RuleInput,
  ruleMemo,
  ruleMessages,
  type RulePause,
  type RuleQuestion,
  type RuleSettings,
  type RuleStart,
  type RuleState,
} from './messages.js';
import { begin, type Due, due, emptyRule, end, openRuns, receive, tidy, withSettings } from './rule-state.js';
import { tellAsset, tellModel } from './tell-asset.js';

const againMs = 60_000;

/**
 * A rule's life as a workflow: assets tell it their news, and it starts a run when these are what it waits for. The run
 * outlives an execution of this workflow; its id follows from the publications that it is started on, so that the engine
 * refuses a second one. Of a model it tells the model instead. Cancelled, the rule leaves its assets, and its runs go on.
 */
export async function runRule(start: RuleStart): Promise<never> {
  const life = new RuleLife(start);
  life.listen();
  try {
    for (;;) {
      await condition(() => life.hasWork);
      await life.work();
      if (life.mayContinueAsNew) await continueAsNew(life.handedOver);
    }
  } catch (error) {
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => life.leaveAll());
    throw error;
  }
}

class RuleLife {
  private settings: RuleSettings;
  private state: RuleState;
  /** Its assets know that it reads them. */
  private isApplied: boolean;
  /** Assets that it reads no more. */
  private readonly left: string[] = [];
  private readonly children = new ModelChildren(undefined, (workflowId) =>
    openRuns(this.state).some((open) => open.workflowId === workflowId),
  );

  constructor({ settings, state }: RuleStart) {
    this.settings = settings;
    this.state = state ?? emptyRule();
    this.isApplied = state !== undefined;
    if (this.isApplied) upsertMemo({ [ruleMemo]: settings });
  }

  listen(): void {
    setHandler(defineQuery(ruleMessages.state), () => this.state);
    setHandler(defineSignal<[readonly News[]]>(ruleMessages.news), (news) => {
      this.state = receive(this.state, this.settings, news);
    });
    setHandler(defineSignal<[RunOutcome]>(modelMessages.outcome), (outcome) => this.children.take(outcome));
    setHandler(defineSignal<[RuleSettings]>(ruleMessages.settings), (next) => this.goBy(next));
    setHandler(defineUpdate<void, [RulePause | null]>(ruleMessages.pause), (pause) => {
      const { paused: _, ...rest } = this.state;
      this.state = pause === null ? rest : { ...rest, paused: pause };
    });
    for (const run of openRuns(this.state)) this.children.reconcile(run).catch(() => undefined);
  }

  get hasWork(): boolean {
    return !this.isApplied || this.children.hasEnded || due(this.state, this.settings) !== undefined || this.isFull;
  }

  get mayContinueAsNew(): boolean {
    return this.isFull && this.isApplied && !this.children.hasEnded;
  }

  get handedOver(): RuleStart {
    return { settings: this.settings, state: this.state };
  }

  private get isFull(): boolean {
    return workflowInfo().continueAsNewSuggested;
  }

  async work(): Promise<void> {
    if (!this.isApplied) await this.apply();
    const { children } = this;
    for (let ended = children.next(); ended !== undefined; ended = children.next()) {
      this.state = end(this.state, ended.workflowId);
    }
    const next = due(this.state, this.settings);
    if (next !== undefined) await this.begin(next);
    const { state, forgotten } = tidy(this.state);
    this.state = state;
    if (forgotten.length === 0) return;
    const what = `${forgotten.length} partitions, from ${forgotten[0]} on`;
    await this.tell(`has forgotten news of ${what}: too many wait for the other assets.`);
  }

  async leaveAll(): Promise<void> {
    for (const asset of [...this.settings.assets, ...this.left]) await this.leave(asset);
  }

  private goBy(next: RuleSettings): void {
    // Also where nothing differs: an asset that was terminated knows of no reader.
    this.isApplied = false;
    const { settings } = this;
    if (jsonDigest(next) === jsonDigest(settings)) return;
    this.left.push(...settings.assets.filter((asset) => !next.assets.includes(asset)));
    this.state = withSettings(this.state, settings, next);
    this.settings = next;
    upsertMemo({ [ruleMemo]: next });
  }

  private async apply(): Promise<void> {
    this.isApplied = true;
    const { settings, left } = this;
    for (let asset = left.shift(); asset !== undefined; asset = left.shift()) await this.leave(asset);
    const { rule, project, pipeline, assets } = settings;
    const reader: AssetReader = { rule, workflowId: workflowInfo().workflowId, pipeline };
    for (const asset of assets) await tellAsset(asset, project, assetMessages.reads, reader);
  }

  private async begin(next: Due): Promise<void> {
    const { settings } = this;
    const { rule, pipeline } = settings;
    const of = next.partition === '' ? '' : `${next.partition}-`;
    const prepared = await inputOf(settings, next);
    if (settings.model !== undefined && !('refused' in prepared))
      return this.feed(settings.model, next, prepared.input);
    const workflowId = `${pipeline}/${rule}-${of}${next.trigger}`;
    const run = { workflowId, at: Date.now(), ...('refused' in prepared ? prepared : {}) };
    this.state = begin(this.state, settings, next, run);
    if ('refused' in prepared) await this.tell(`starts no run on news${ofPartition(next)}: ${prepared.refused}`);
    else await start(this.children, settings, next, workflowId, prepared.input);
  }

  /** The batch has its id from what it is told on, so that the model knows it again. */
  private async feed(model: string, next: Due, batch: unknown): Promise<void> {
    const id = `${this.settings.rule}-${next.trigger}`;
    const isTold = await tellModel(model, { ...(batch as Omit<Batch, 'id'>), id });
    // The news stay, and are due again.
    if (!isTold) return sleep(againMs, { summary: `model "${model}" is not there` });
    const workflowId = modelWorkflowId(model);
    this.state = end(begin(this.state, this.settings, next, { workflowId, at: Date.now() }), workflowId);
  }

  private leave(asset: string): Promise<void> {
    const { rule, project } = this.settings;
    return tellAsset(asset, project, assetMessages.leaves, rule);
  }

  private tell(what: string): Promise<void> {
    const { pipeline, rule } = this.settings;
    return notice({ kind: 'run-failed', pipeline, message: `Rule "${rule}" ${what}` });
  }
}

/** Waits for a worker that declares the rule. */
function inputOf({ rule }: RuleSettings, { partition, publications }: Due): Promise<RuleInput> {
  return scheduleActivity<RuleInput>(builtIn.ruleInput, [{ rule, partition, publications } satisfies RuleQuestion], {
    startToCloseTimeout: 60_000,
    heartbeatTimeout: 10_000,
    retry: { maximumInterval: 60_000 },
    summary: `input of a run on news${ofPartition({ partition })}`,
  });
}

async function start(
  children: ModelChildren,
  settings: RuleSettings,
  { partition, publications, trigger }: Due,
  workflowId: string,
  input: unknown,
): Promise<void> {
  const { rule, pipeline, seed, priority, isPartitioned } = settings;
  const news = publications.flatMap((one) => (one === null ? [] : { asset: one.asset, at: one.at, by: one.by }));
  const newest = publications.reduce((a, b) => ((b?.at ?? 0) > (a?.at ?? 0) ? b : a), null);
  const options: Omit<RunOptions, 'reportTo'> = {
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
    ...(isPartitioned === true && newest?.planned !== undefined ? { planned: newest.planned } : {}),
    startedOn: { rule, ...(partition === '' ? {} : { partition }), news },
  };
  const summary = `${pipeline} on news of ${settings.assets.join(', ')}`;
  // The rule may be cancelled, and its runs go on. One that the engine refuses is there already.
  await CancellationScope.nonCancellable(() =>
    children.start({ trigger, workflowId, pipeline, input, options, summary }),
  ).catch(() => undefined);
}

function ofPartition({ partition }: Pick<Due, 'partition'>): string {
  return partition === '' ? '' : ` of ${partition}`;
}
