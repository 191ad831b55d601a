import { getExternalWorkflowHandle, isCancellation, scheduleActivity } from '@temporalio/workflow';
import { EvertrainError } from '../errors.js';
import { failureText, unlessCancelled } from '../failures.js';
import { checkInput } from '../json-size.js';
import { notice } from '../notice.js';
import { builtIn, type RunOutcome } from '../protocol.js';
import type { ModelArchive } from './archive.js';
import { checkBatch } from './batch.js';
import type { ModelBook } from './book.js';
import type { DataState } from './data-state.js';
import {
  type Due,
  due,
  failedOnce,
  judged,
  knownDigests,
  noData,
  received,
  refused,
  rejectedFor,
  taken,
  toldOfRefusal,
  untoldRefusal,
} from './data.js';
import type { ModelSchedule } from './messages.js';
import type { ModelState, ModelVersion } from './model-state.js';
import type { BatchCheckInput, BatchVerdict } from './runs.js';
import { championOf, withTraining } from './state.js';
import { type ModelTrainings, settleData } from './trainings.js';
import { type Champion, earlierNeeded, windowOf } from './window.js';
import { decode } from '../schema.js';

/** A client gathers at most 200 batches; what is far longer is no list of batches, and is set aside as a whole. */
const mostInSignal = 1_000;
/** Of what arrived while there was no worker: far more than may wait, and little against the 5 s that a task may take. */
const mostAtOnce = 20_000;
const fewAtOnce = 10;

/** What becomes of the data that arrives: it is received, checked when it is enough, and trained on. */
export class ModelFeed {
  private readonly arrived: unknown[] = [];
  private isRecent = false;
  private isTelling = false;

  constructor(
    private readonly book: ModelBook,
    private readonly trainings: ModelTrainings,
    private readonly archive: ModelArchive,
  ) {}

  /** Not in the replay of an execution that began before people were told, and new batches checked before a retry. */
  open(): void {
    this.isRecent = true;
    // What the execution before this one began to tell may have ended with it.
    this.tellOfRefusal();
  }

  /** Takes a signal: a batch, or a list of them of which each is judged by itself. */
  arrive(given: unknown): void {
    const isList = Array.isArray(given) && given.length <= mostInSignal;
    this.arrived.push(...(isList ? (given as unknown[]) : [given]));
  }

  get hasArrived(): boolean {
    return this.arrived.length > 0;
  }

  /** What no client would have sent is set aside with its reason, and harms nobody. */
  receive(): void {
    const now = Date.now();
    const given = this.arrived.splice(0);
    const digests = given.length < fewAtOnce ? undefined : knownDigests(this.book.state.data ?? noData());
    for (const one of given.splice(0, mostAtOnce)) {
      this.book.changeData((before) => receiveOne(this.book, before, one, now, digests));
    }
    for (const one of given) this.book.changeData((before) => refused(before, idOf(one), now));
    this.tellOfRefusal();
  }

  /** Once for all that is refused until there is room again; again where the model continued as new meanwhile. */
  private tellOfRefusal(): void {
    const { data, name } = this.book.state;
    const refusal = data === undefined ? undefined : untoldRefusal(data);
    if (refusal === undefined || data === undefined || this.isTelling || !this.isRecent) return;
    this.isTelling = true;
    const { since, batches, id } = refusal;
    const facts = { since, refused: batches, first: id, waiting: data.waiting.length, waitingBytes: data.waitingBytes };
    const message = `model "${name}" refuses data since ${data.waiting.length} batches wait already; the first: ${id}`;
    notice({ kind: 'data-refused', pipeline: name, message, facts })
      .then(() => this.book.changeData((now) => toldOfRefusal(now, since)))
      .catch(() => undefined)
      .finally(() => {
        this.isTelling = false;
      });
  }

  due(): Due | undefined {
    const { data, training, checking, paused } = this.book.state;
    const policy = this.book.dataPolicy;
    if (data === undefined || policy === undefined || checking !== undefined) return undefined;
    if (paused !== undefined && !data.asked) return undefined;
    const isBusy = training !== undefined && !(policy.restarts && training.data !== undefined);
    if (isBusy || training?.isSuperseded) return undefined;
    return due(data, policy, this.book.definition.runs.batchCheck !== undefined, this.isRecent);
  }

  async work(): Promise<void> {
    const next = this.due();
    if (next === undefined || next.at > Date.now()) return;
    if (next.what === 'check') await this.check();
    else if (this.book.state.training === undefined) await this.train();
    else await this.supersede();
  }

  private async check(): Promise<void> {
    const { definition, policy, state } = this.book;
    const { batchCheck } = definition.runs;
    const { data } = state;
    if (batchCheck === undefined || data === undefined) return;
    const batches = data.waiting
      .filter(({ checked }) => !checked)
      .map(({ checked: _, receivedAt: _at, at: _told, ...batch }) => batch);
    const checks = data.checks + 1;
    const trigger = `check-${checks}`;
    const workflowId = `${batchCheck.name}/${trigger}`;
    this.book.state = { ...state, data: { ...data, checks }, checking: { trigger, workflowId } };
    const reference = championOf(this.book.state)?.reference;
    const input: BatchCheckInput = {
      batches,
      ...(reference === undefined ? {} : { reference }),
      ...(policy.quality === undefined ? {} : { rules: policy.quality }),
    };
    const summary = `new data of model ${definition.name}`;
    await this.book.children
      .start({ trigger, workflowId, pipeline: batchCheck.name, input, summary })
      .catch(unlessCancelled);
  }

  settleCheck({ result }: RunOutcome): void {
    const { checking: _, ...rest } = this.book.state;
    this.book.state = rest;
    const verdicts = result.outcome === 'completed' ? (result.output as readonly BatchVerdict[]) : undefined;
    const now = Date.now();
    this.book.changeData((data) =>
      verdicts === undefined ? failedOnce(data, now, { isCheck: true }) : judged(data, verdicts, now),
    );
    const bad = (verdicts ?? []).filter(({ problems }) => problems.length > 0);
    const [first] = bad;
    if (first === undefined) return;
    const { name } = this.book.definition;
    const message = `${bad.length} batches of model "${name}" are held back; ${first.id}: ${first.problems[0]}`;
    notice({ kind: 'data-quarantined', pipeline: name, message, facts: bad.slice(0, 10) }).catch(() => undefined);
  }

  private async train(): Promise<void> {
    const { book } = this;
    const { data: declared, pipeline, runs, name } = book.definition;
    const policy = book.dataPolicy;
    if (declared === undefined || policy === undefined || book.state.data === undefined) return;
    const data = taken(book.state.data, policy, runs.batchCheck !== undefined);
    book.state = { ...book.state, data };
    const champion = policy.isIncremental ? championOf(book.state) : undefined;
    const wanted = { policy, through: champion?.data?.through };
    const needed = earlierNeeded(data, wanted);
    // All that a person wanted to train on was held back.
    if (needed === 0 && data.inTraining.length === 0) return;
    const trigger = `data-${data.trainings}`;
    try {
      const used = await this.archive.used(needed);
      const { window, leftOut } = windowOf(data, wanted, { used, choose: declared.choose, now: Date.now() });
      const input = declared.toInput(window, champion === undefined ? {} : { champion: origin(champion) });
      checkInput(`${name}: data.toInput`, input);
      decode(pipeline.input, input, 'USER_INPUT_INVALID', `what data.toInput made for pipeline "${pipeline.name}"`);
      const facts = {
        batches: window.length,
        newBatches: data.inTraining.length,
        rows: window.reduce((sum, batch) => sum + batch.rows, 0),
        through: data.counts.used + data.inTraining.length,
        ...(leftOut === 0 ? {} : { leftOut }),
      };
      await this.trainings.start({ trigger, input, options: { window } }, facts);
    } catch (error) {
      // A child that could not be started has told its end.
      if (isCancellation(error) || book.state.training?.trigger === trigger) return;
      book.state = withTraining(book.state, { trigger, workflowId: '', outcome: 'failed', reason: failureText(error) });
      settleData(book);
    }
  }

  /** Newer data is due: what trains on older data is cancelled, and its batches go into the next training. */
  private async supersede(): Promise<void> {
    const { training } = this.book.state;
    if (training === undefined) return;
    this.book.state = { ...this.book.state, training: { ...training, isSuperseded: true } };
    await getExternalWorkflowHandle(training.workflowId).cancel().catch(unlessCancelled);
  }

  /** The model's schedule says that it is time. */
  tick(): void {
    const { data, paused } = this.book.state;
    if (paused === undefined && (data?.waiting.length ?? 0) > 0) this.ask();
  }

  /** Trains on what waits, whatever the policy says. */
  ask(): void {
    this.book.changeData((data) => ({ ...data, asked: true }));
  }

  /** Makes the engine keep the schedule that the policy names. */
  async keepSchedule(): Promise<void> {
    const { book } = this;
    if (!this.isScheduleOutdated) return;
    const cron = book.policy.retrainWhen?.schedule;
    const wanted: ModelSchedule = { model: book.definition.name, ...(cron === undefined ? {} : { cron }) };
    try {
      await scheduleActivity(builtIn.schedule, [wanted], {
        startToCloseTimeout: 30_000,
        heartbeatTimeout: 10_000,
        retry: { maximumAttempts: 10, maximumInterval: 10_000 },
        summary: `retrain ${cron ?? 'without a schedule'}`,
      });
      this.noteSchedule(cron === undefined ? undefined : { cron });
    } catch (error) {
      unlessCancelled(error);
      this.noteSchedule({ cron: cron ?? '', failure: failureText(error) });
    }
  }

  /** Into the state as it is now: people may have ordered something while the engine was told. */
  private noteSchedule(kept: ModelState['schedule']): void {
    const { schedule: _, ...rest } = this.book.state;
    this.book.state = kept === undefined ? rest : { ...rest, schedule: kept };
  }

  get isScheduleOutdated(): boolean {
    const { policy, state } = this.book;
    return (policy.retrainWhen?.schedule ?? '') !== (state.schedule?.cron ?? '');
  }

  /** Refuses a retraining on nothing. */
  checkRetrainNow(): void {
    const { data, name } = this.book.state;
    const usesEarlier = this.book.dataPolicy?.window !== 'new' && (data?.counts.used ?? 0) > 0;
    if ((data?.waiting.length ?? 0) > 0 || usesEarlier) return;
    throw new EvertrainError('USER_OPTION_INVALID', `Model "${name}" has no data to train on.`, {
      value: data?.counts.received ?? 0,
      remedy: 'Send a batch (`dataArrived`), or train by hand on an input of yours (`train`).',
    });
  }
}

function receiveOne(
  { definition: { name, data } }: ModelBook,
  before: DataState,
  given: unknown,
  now: number,
  digests: Set<string> | undefined,
): DataState {
  const id = idOf(given);
  if (data === undefined) return rejectedFor(before, id, `model "${name}" declares no \`data\``, now);
  try {
    return received(before, checkBatch(name, data.event, given), now, digests);
  } catch (error) {
    return rejectedFor(before, id, failureText(error).slice(0, 500), now);
  }
}

function idOf(given: unknown): string {
  const told = (given as { id?: unknown } | null)?.id;
  return typeof told === 'string' ? told.slice(0, 200) : '?';
}

function origin({ version, trained, artifact, parameters }: ModelVersion): Champion {
  return { version, model: trained ?? artifact, ...(parameters === undefined ? {} : { parameters }) };
}
