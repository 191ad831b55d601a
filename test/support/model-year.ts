import { setTimeout as sleep } from 'node:timers/promises';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import type { PromotionRule } from '../../workflows/sdk/model/policy.js';
import { rival } from '../fixtures/durability/rival.js';
import type { DurableProject } from './durable-project.js';
import type { HeldModelServer } from './held-model-server.js';
import { audit, type Audit } from './model-ledger.js';
import { seeded } from './random.js';

/** How good the version is that a batch trains, as `rival` has it. */
export interface Skill {
  readonly wrong: number;
  readonly fails?: true;
  readonly poor?: true;
  readonly broken?: true;
  readonly problem?: string;
}

type Word = 'approve' | 'decline' | 'ignore';

/** What the year did to the model, and was answered: all that the ledger knows of the calendar. */
export interface Diary {
  /** Each batch once. */
  readonly batches: Map<string, Skill>;
  duplicates: number;
  /** What is no batch. */
  refused: number;
  readonly dropped: Set<string>;
  rollbacks: number;
  /** Of trainings whose window is all that was ever used: their newest batch. */
  readonly onAll: Set<string>;
  /** Answers to approvals that were sent, by version. */
  readonly words: Map<string, Word>;
}

export interface YearOptions {
  readonly days: number;
  /** A day's length; the policy's durations are in days. */
  readonly dayMs: number;
  readonly kills: number;
  /** Characters that say where a batch lies: so many that the state does not keep all batches, and the archive does. */
  readonly uriLength: number;
  readonly seed: number;
}

/** So many rows of 200 make a version surely better. */
export const clearly = 8;
const rowsOfBatch = 5;
/** What people let pass when they see it, unlike other problems. */
const newColumn = 'a column is new';
const words: readonly Word[] = ['approve', 'ignore', 'decline', 'approve'];

/**
 * A model's life by the calendar, with short days: data each day (or none, late, twice), monthly reviews by a person,
 * policies that change, rollbacks, failures, a pause, kills of the worker. Nothing waits for the model but where a person
 * would; then a ledger that knows the calendar, the runs and the model server, but not the model's state, is compared.
 */
export async function modelYear(
  fixture: DurableProject,
  server: HeldModelServer,
  options: YearOptions,
): Promise<Audit> {
  const year = new Year(fixture, server, options);
  await year.live();
  return year.end();
}

class Year {
  private readonly random: () => number;
  private readonly diary: Diary = {
    batches: new Map(),
    duplicates: 0,
    refused: 0,
    dropped: new Set(),
    rollbacks: 0,
    onAll: new Set(),
    words: new Map(),
  };
  private readonly model;
  private readonly late = new Map<number, string[]>();
  private worker: Promise<Awaited<ReturnType<DurableProject['worker']>>>;
  private rule: PromotionRule = { metric: 'accuracy' };
  private reviewed: Promise<void> = Promise.resolve();
  private isPaused = false;
  private best = 190;
  private reviewsLeft: number;
  private day = 0;

  constructor(
    private readonly fixture: DurableProject,
    private readonly server: HeldModelServer,
    private readonly options: YearOptions,
  ) {
    this.random = seeded(options.seed);
    this.model = fixture.evertrain.model(rival);
    this.reviewsLeft = Math.floor(options.days / 30);
    const pace = seeded(options.seed + 1);
    fixture.effects.slowDown(() => pace() * 100);
    this.worker = this.startWorker();
  }

  async live(): Promise<void> {
    const { days, dayMs } = this.options;
    await this.worker;
    await this.send('first', { wrong: this.best });
    await this.configure({ retrainWhen: { batches: 6, orAfter: 10 * dayMs }, retry: { attempts: 2, delay: dayMs } });
    const events = this.events();
    for (; this.day < days; this.day++) {
      const dawn = Date.now();
      await this.dataOfDay();
      for (const event of events.get(this.day) ?? []) await event();
      if (this.day % 6 === 5 && !this.isPaused) await this.until(5_000, ({ data }) => (data?.waiting.length ?? 0) < 8);
      await sleep(Math.max(0, dawn + dayMs - Date.now()));
    }
  }

  async end(): Promise<Audit> {
    await this.reviewed;
    await this.visit();
    await this.untilIdle();
    await this.visit();
    // By itself it trains no more.
    await this.holiday(true);
    await this.configure({ window: 'all' });
    this.diary.onAll.add('new year');
    await this.train('new year', { wrong: this.better() });
    const now = await this.atRest();
    const served = await this.server.served(rival.name);
    const result = await audit(this.fixture, { diary: this.diary, now, asked: this.server.asked, served });
    await (await this.worker).stop();
    return result;
  }

  /** What happens beside the data, by day. */
  private events(): ReadonlyMap<number, readonly (() => Promise<void>)[]> {
    const { days, kills } = this.options;
    const events = new Map<number, (() => Promise<void>)[]>();
    const on = (day: number, event: () => Promise<void>) => void events.set(day, [...(events.get(day) ?? []), event]);
    const at = (share: number, event: () => Promise<void>) => on(Math.round(share * days), event);
    for (let month = 0; month < Math.floor(days / 30); month++) {
      on(30 * month + 20, () => this.review(month));
      on(30 * month + 10, () => this.raw(modelMessages.deployed, { code: `of month ${month}` }));
    }
    for (let day = 3; day < days; day += 7) on(day, () => this.visit());
    for (const share of [0.15, 0.48, 0.85]) at(share, () => this.train(`fails-${share}`, { wrong: 0, fails: true }));
    for (const share of [0.25, 0.6]) at(share, () => this.train(`poor-${share}`, { wrong: 0, poor: true }));
    at(0.3, () => this.train('broken', { wrong: this.better(), broken: true }));
    at(0.33, () => this.configure({ window: { batches: 12 } }));
    for (const share of [0.42, 0.78]) at(share, () => this.rollback(on));
    at(0.5, () => this.setRule({ metric: 'accuracy', margin: 0.1 }));
    at(0.56, () => this.setRule({ metric: 'accuracy' }));
    at(0.64, async () => {
      await this.reviewed;
      await this.configure({ whileTraining: 'restart' });
    });
    at(0.69, () => this.configure({ whileTraining: 'wait' }));
    at(0.91, () => this.holiday(true));
    at(0.93, () => this.holiday(false));
    at(0.95, () => this.configure({ retention: { versions: 5 } }));
    for (let kill = 0; kill < kills; kill++) {
      const day = Math.floor(((kill + 0.2 + 0.7 * this.random()) * days) / kills);
      on(day, () => this.kill());
      on(day + 3, async () => void (await this.worker));
    }
    return events;
  }

  // Data

  private async dataOfDay(): Promise<void> {
    const { random, day } = this;
    const count = random() < 0.25 ? 0 : 1 + Math.floor(random() * 3);
    for (let n = 0; n < count; n++) {
      const id = `day-${day}-${n}`;
      this.diary.batches.set(id, this.skill());
      const arrives = random() < 0.2 ? Math.min(day + 1 + Math.floor(random() * 9), this.options.days - 1) : day;
      this.late.set(arrives, [...(this.late.get(arrives) ?? []), id]);
    }
    for (const id of (this.late.get(day) ?? []).sort(() => random() - 0.5)) {
      await this.send(id, this.diary.batches.get(id) as Skill);
      if (random() > 0.05) continue;
      this.diary.duplicates++;
      await this.send(id, { wrong: 0 });
    }
    if (random() > 0.02) return;
    this.diary.refused++;
    await this.raw(modelMessages.data, { id: `none-${day}`, uri: 'file:/none', rows: -1 });
  }

  private skill(): Skill {
    const { random } = this;
    const kind = random();
    // The reviews need room to be better still.
    const isBetter = random() < 0.02 && this.best > clearly * (this.reviewsLeft + 4);
    const wrong = isBetter ? this.better() : Math.min(200, this.best + clearly * Math.floor(random() * 4));
    if (kind < 0.025) return { wrong, problem: 'a column is missing' };
    if (kind < 0.05) return { wrong, problem: newColumn };
    if (kind < 0.08) return { wrong, fails: true };
    if (kind < 0.1) return { wrong, poor: true };
    return kind < 0.12 ? { wrong, broken: true } : { wrong };
  }

  private better(): number {
    this.best -= clearly;
    return this.best;
  }

  private async send(id: string, skill: Skill): Promise<void> {
    if (!this.diary.batches.has(id)) this.diary.batches.set(id, skill);
    const attributes = { effects: this.fixture.effects.url, ...skill };
    await this.model.dataArrived({
      id,
      uri: `file:/${id}`.padEnd(this.options.uriLength, '-'),
      rows: rowsOfBatch,
      attributes,
    });
  }

  /** Sends a batch, and has it trained on as the last of its window. */
  private async train(id: string, skill: Skill): Promise<void> {
    await this.worker;
    await this.until(5_000, ({ training }) => training === undefined);
    await this.send(id, skill);
    // Recorded as a signal; the order must find it, unless the policy came first.
    await this.until(10_000, ({ data }) =>
      [data?.waiting, data?.inTraining, data?.used].some((batches) => batches?.at(-1)?.id === id),
    );
    // The policy may have come first: then nothing waits any more.
    await this.model.retrainNow({ actor: 'ann', within: '60s' }).catch((error: unknown) => {
      if (!(isEvertrainError(error) && error.message.includes('no data to train on'))) throw error;
    });
    await this.until(10_000, ({ data }) => data?.waiting.every((batch) => batch.id !== id) === true);
  }

  // People

  /** Once a month a person decides: the calendar goes on while the decision is open. */
  private async review(month: number): Promise<void> {
    await this.reviewed;
    this.reviewsLeft--;
    const word = words[month % words.length] as Word;
    const within = word === 'ignore' ? 5 * this.options.dayMs : Math.max(30 * this.options.dayMs, 20_000);
    await this.until(20_000, ({ training, comparison }) => training === undefined && comparison === undefined);
    await this.configure({ promotion: { ...this.rule, approval: { within } } });
    const wrong = this.better();
    await this.train(`review-${month}`, { wrong });
    const accuracy = 1 - wrong / 200;
    this.reviewed = this.decide(word, accuracy);
    // Told where it is waited for.
    this.reviewed.catch(() => undefined);
    // A newer version would take its place while it waits for its comparison.
    await this.until(20_000, ({ versions, comparison }) => {
      const made = versions.findLast(({ metrics }) => metrics['accuracy'] === accuracy);
      return made !== undefined && (made.stage !== 'challenger' || made.version === comparison?.version);
    });
  }

  private async decide(word: Word, accuracy: number): Promise<void> {
    const answerUntil = async (isOver: (now: ModelState) => boolean) => {
      for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200)) {
        const now = await this.state();
        if (isOver(now)) break;
        if (word !== 'ignore' && now.comparison !== undefined) await this.answer(word, now.comparison.version);
      }
    };
    await answerUntil(({ versions }) => {
      const reviewed = versions.findLast(({ metrics }) => metrics['accuracy'] === accuracy);
      return reviewed !== undefined && reviewed.stage !== 'challenger';
    });
    await this.configure({ promotion: this.rule });
    // It may have begun before.
    const { comparison: last } = await this.state();
    await answerUntil(({ comparison }) => comparison?.workflowId !== last?.workflowId || last === undefined);
  }

  private async answer(word: Word, version: string): Promise<void> {
    // What no answer came back to may have been recorded all the same.
    this.diary.words.set(version, word);
    try {
      await this.model.approve({ approved: word === 'approve' }, { actor: 'ann' });
    } catch (error) {
      // Not asked yet, or not any more.
      if (!isEvertrainError(error)) throw error;
    }
  }

  private async rollback(on: (day: number, event: () => Promise<void>) => void): Promise<void> {
    await this.worker;
    const { former = [] } = await this.state();
    if (former.length === 0) return on(this.day + 1, () => this.rollback(on));
    try {
      await this.model.rollback({ actor: 'ben', reason: `day ${this.day}`, within: '60s' });
    } catch (error) {
      if (!(isEvertrainError(error) && error.message.includes('has become the champion'))) throw error;
      return on(this.day + 1, () => this.rollback(on));
    }
    this.diary.rollbacks++;
  }

  /** A person looks at what is held back, once a week. */
  private async visit(): Promise<void> {
    await this.worker;
    for (const { batch, problems } of (await this.state()).data?.quarantined ?? []) {
      if (problems.includes(newColumn)) await this.model.releaseBatch(batch.id, { actor: 'ann', within: '60s' });
      else {
        await this.model.dropBatch(batch.id, { actor: 'ann', within: '60s' });
        this.diary.dropped.add(batch.id);
      }
    }
  }

  private async holiday(begins: boolean): Promise<void> {
    await this.worker;
    this.isPaused = begins;
    if (begins) await this.model.pause({ actor: 'ben', reason: 'holiday', within: '60s' });
    else await this.model.resume({ actor: 'ben', within: '60s' });
  }

  private async setRule(rule: PromotionRule): Promise<void> {
    await this.reviewed;
    this.rule = rule;
    await this.configure({ promotion: rule });
  }

  private async configure(policy: Parameters<typeof this.model.configure>[0]): Promise<void> {
    await this.worker;
    await this.model.configure(policy, { actor: 'ann', reason: `day ${this.day}`, within: '60s' });
  }

  // The machine

  private startWorker() {
    return this.fixture.worker({ modelServer: this.server.address });
  }

  private async kill(): Promise<void> {
    await (await this.worker).kill();
    this.worker = this.startWorker();
  }

  private async raw(signal: string, given: unknown): Promise<void> {
    await this.fixture.evertrain.client.workflow.getHandle(modelWorkflowId(rival.name)).signal(signal, given);
  }

  /** Asks again where the engine has too much to do. */
  private async state(): Promise<ModelState> {
    for (const end = Date.now() + 60_000; ; await sleep(500)) {
      try {
        return await this.model.state({ within: '60s' });
      } catch (error) {
        if (!isEvertrainError(error) || Date.now() > end) throw error;
        const isBusy = error.code === 'SYSTEM_ENGINE_UNREACHABLE' || error.message.includes('query buffer is full');
        if (!isBusy) throw error;
      }
    }
  }

  /** Waits so long at most: what a person would wait for may not come about. */
  private async until(withinMs: number, holds: (now: ModelState) => boolean): Promise<ModelState> {
    for (const end = Date.now() + withinMs; ; await sleep(50)) {
      const now = await this.state();
      if (holds(now) || Date.now() > end) return now;
    }
  }

  /** The state once the model neither does anything nor continues as new, as after it has written its archive. */
  private async atRest(): Promise<ModelState> {
    const handle = this.fixture.evertrain.client.workflow.getHandle(modelWorkflowId(rival.name));
    for (const end = Date.now() + 60_000; ; await sleep(200)) {
      const before = await handle.describe();
      const now = await this.untilIdle();
      const { runId, historyLength, raw } = await handle.describe();
      const isStill = runId === before.runId && historyLength === before.historyLength;
      const isBusy = raw.pendingActivities?.length || raw.pendingWorkflowTask;
      if ((isStill && !isBusy) || Date.now() > end) return now;
    }
  }

  private untilIdle(): Promise<ModelState> {
    return this.until(120_000, ({ data, training, checking, comparison, promoting }) => {
      const isOpen = [training, checking, comparison, promoting].some((open) => open !== undefined);
      const { waiting = [], inTraining = [], failed } = data ?? {};
      // While the archive is read for a window, batches are taken and no run has begun.
      if (isOpen || inTraining.length > 0) return false;
      // What has been tried often enough is not used before more arrives.
      return waiting.length === 0 || (waiting.every(({ checked }) => checked) && (failed?.times ?? 0) > 1);
    });
  }
}
