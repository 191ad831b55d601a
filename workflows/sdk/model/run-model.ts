import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  patched,
  proxySinks,
  scheduleLocalActivity,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { refusing } from '../failures.js';
import { builtIn, memo, type RunOutcome, type RunSinks, searchAttributes } from '../protocol.js';
import { ModelArchive } from './archive.js';
import { modelMessages, type ModelStart, type TrainRequest } from './messages.js';
import type { DeclaredModel, ModelState, OpenRun } from './model-state.js';
import type { ModelDefinition } from './model.js';
import { ModelBook } from './book.js';
import { ModelDrift } from './drift-watch.js';
import { ModelFeed } from './feed.js';
import { takeOrders } from './orders.js';
import { ModelPromotions } from './promotions.js';
import { ModelRollouts } from './rollouts.js';
import { initialState, withDeclared } from './state.js';
import { ModelTrainings } from './trainings.js';

/**
 * A model's life as one workflow. Signals bring data, updates bring people's orders; what is to be done is done in one
 * loop, one thing after the other: runs that ended are settled, promotions carried out, and what has fallen due is begun:
 * a check of new batches, a training, a comparison. These are runs of their own (`children.ts`). The state is all
 * that counts; it is handed over when the workflow continues as new.
 */
export async function runModel(definition: ModelDefinition, start: ModelStart): Promise<never> {
  const life = new ModelLife(new ModelBook(definition, start.state ?? initialState(definition)));
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

function declaration(name: string): Promise<DeclaredModel | null> {
  return scheduleLocalActivity(builtIn.declaredModel, [name], { startToCloseTimeout: 10_000 });
}

class ModelLife {
  private readonly archive: ModelArchive;
  private readonly trainings: ModelTrainings;
  private readonly feed: ModelFeed;
  private readonly promotions: ModelPromotions;
  private readonly rollouts: ModelRollouts;
  private readonly drift: ModelDrift;
  /** Runs that an earlier execution started. */
  private readonly handedOver: readonly OpenRun[];
  /** Told by a worker: its code is not the one that this execution began on. */
  private isOutdated = false;

  constructor(private readonly book: ModelBook) {
    this.archive = new ModelArchive(book);
    this.trainings = new ModelTrainings(book);
    this.feed = new ModelFeed(book, this.trainings, this.archive);
    this.drift = new ModelDrift(book, this.feed);
    this.rollouts = new ModelRollouts(book);
    this.promotions = new ModelPromotions(book, this.rollouts);
    this.handedOver = book.openRuns();
  }

  get state(): ModelState {
    return this.book.state;
  }

  listen(): void {
    const { book, feed, trainings } = this;
    setHandler(defineQuery<ModelState>(modelMessages.state), () => book.state);
    setHandler(defineSignal<[RunOutcome]>(modelMessages.outcome), (outcome) => book.children.take(outcome));
    setHandler(defineSignal<[unknown]>(modelMessages.data), (given) => feed.arrive(given));
    setHandler(defineSignal(modelMessages.tick), () => feed.tick());
    setHandler(defineSignal<[{ code?: unknown }]>(modelMessages.deployed), (told) => {
      this.isOutdated ||= typeof told?.code === 'string' && told.code !== book.state.declared?.code;
    });
    setHandler(
      defineUpdate<{ workflowId: string }, [TrainRequest]>(modelMessages.train),
      (request) => trainings.start(request),
      { validator: (request) => refusing(() => trainings.check(request)) },
    );
    takeOrders(book, { feed, promotions: this.promotions, rollouts: this.rollouts, archive: this.archive });
  }

  /** What the worker's code declares is written into the history, so that a replay goes by what was, not by what is. */
  async begin(): Promise<void> {
    const { book } = this;
    // Asked before anything is awaited: where a query or a burst of signals has split the first task, a local activity may
    // end in an earlier task of the history than its answer was used in, and a replay does not know the later one's patches.
    const isDeclared = patched('evertrain-declared-model');
    const isRecent = patched('evertrain-model-archive');
    if (isRecent) for (const part of [this.archive, this.feed]) part.open();
    const declared = isDeclared ? await declaration(book.definition.name) : null;
    if (declared !== null) {
      book.state = withDeclared(book.state, declared);
      upsertMemo({ [memo.code]: declared.code });
    }
    this.rollouts.resume();
    for (const run of this.handedOver) book.children.reconcile(run).catch(() => undefined);
  }

  /** Until something is to be done: at once, or when waiting data falls due. */
  async untilWork(): Promise<void> {
    const at = this.dueAt;
    // A pause that ends changes when data falls due, as much else does.
    const ready = () => !this.isIdle || this.shouldContinueAsNew || this.dueAt !== at;
    if (at === undefined) await condition(ready);
    else if (at > Date.now()) await condition(ready, at - Date.now());
  }

  private get dueAt(): number | undefined {
    const times = [this.feed.due()?.at, this.drift.dueAt].filter((at) => at !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get shouldContinueAsNew(): boolean {
    return this.isOutdated || workflowInfo().continueAsNewSuggested;
  }

  get isIdle(): boolean {
    const { feed, book, promotions } = this;
    return !feed.hasArrived && !feed.isScheduleOutdated && !book.children.hasEnded && !promotions.hasWork;
  }

  async work(): Promise<void> {
    this.feed.receive();
    const { children } = this.book;
    for (let outcome = children.next(); outcome !== undefined; outcome = children.next()) await this.settle(outcome);
    await this.promotions.work();
    await this.feed.keepSchedule();
    await this.drift.work();
    await this.feed.work();
    this.archive.tidy();
  }

  private async settle(outcome: RunOutcome): Promise<void> {
    const { training, checking, comparison, rollout, driftCheck } = this.book.state;
    if (checking?.workflowId === outcome.workflowId) this.feed.settleCheck(outcome);
    else if (comparison?.workflowId === outcome.workflowId) await this.promotions.settleComparison(outcome);
    else if (rollout?.workflowId === outcome.workflowId) await this.promotions.settleRollout(outcome);
    else if (driftCheck?.workflowId === outcome.workflowId) this.drift.settle(outcome);
    else if (training?.workflowId === outcome.workflowId) {
      const version = this.trainings.settle(outcome);
      if (version !== undefined) await this.promotions.consider(version);
    }
  }
}
