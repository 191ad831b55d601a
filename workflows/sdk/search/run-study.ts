import { CancellationScope, inWorkflowContext } from '@temporalio/workflow';
import { uniform } from '../digest.js';
import { isEvertrainError, withoutLink } from '../errors.js';
import { memo } from '../protocol.js';
import { type RunScope, type StepPath, withPath } from '../run-scope.js';
import { shortText } from '../short-error.js';
import { type Begun, budgetOf, type Ended, pathOf, resultOf, samplerEvent } from './call-result.js';
import { InOrder } from './in-order.js';
import { KnownOutcomes } from './known-outcomes.js';
import { bestOf, gain, withLeader } from './leaders.js';
import { Limits } from './limits.js';
import type { TrialReport } from './messages.js';
import { valueAt } from './point-samplers.js';
import type { Scheduler, Stopper } from './scheduler.js';
import { explore } from './schedulers/explore.js';
import { openStopper } from './schedulers/median-stop.js';
import { openScheduler } from './schedulers/open-scheduler.js';
import type { Params } from './space.js';
import type { CallResult, Leader, LogEntry, StudyPlan, StudyState } from './study-plan.js';
import type { Objective, StudyEnded, StudyRecord } from './study-record.js';
import { openSuggestions, type Suggestions } from './suggestions.js';
import { TrialCall, type TrialInput } from './trial-call.js';
import { TrialRows } from './trial-rows.js';

export interface StudySettings {
  readonly plan: StudyPlan;
  readonly scope: RunScope;
  readonly at: StepPath;
  readonly call: (input: TrialInput) => Promise<unknown>;
  /** Names the execution of the study for its sampler. */
  readonly execution: string;
  /** This run's, for checkpoints. */
  readonly runId: string;
  /** Whether the history has no room for further calls; absent where the study cannot go on in another run. */
  readonly isFull?: () => boolean;
}

/** How the study ended; `open`: it is to go on in another run. */
export type StudyEnd =
  | { readonly state: 'completed' | 'open' }
  | { readonly state: Exclude<StudyEnded['state'], 'completed'>; readonly reason: string; readonly error?: unknown };

/**
 * One study: whenever a slot is free the scheduler says which trial gets budget, the sampler which parameters a new one
 * has, the limits whether there is budget at all. Each follows from what happened before, in the order of the run's own
 * history; `log` keeps that order, and a study that goes on in another run takes the same decisions from it again.
 */
export class StudyRun {
  leaders: readonly Leader[] = [];
  private readonly rows = new TrialRows();
  private readonly known: KnownOutcomes | undefined;
  private readonly log: LogEntry[] = [];
  private readonly scheduler: Scheduler;
  private readonly stopper: Stopper | undefined;
  private readonly suggestions: Suggestions;
  private readonly limits: Limits;
  private readonly objective: Objective;
  private readonly atWork = new Map<number, TrialCall>();
  /** Trials of which a call has failed. */
  private readonly failed = new Set<number>();
  private readonly startedAt: number;
  private open = 0;
  /** A call that the limits have not let begin. */
  private held: Begun | undefined;
  private end: StudyEnd | undefined;
  private settle: (() => void) | undefined;

  constructor(
    private readonly settings: StudySettings,
    state?: StudyState,
  ) {
    const { plan, scope, execution } = settings;
    this.objective = plan.objectives[0] as Objective;
    this.startedAt = state?.startedAt ?? scope.host.now();
    this.limits = new Limits(plan, scope, this.startedAt, {
      more: () => this.pump(),
      over: (reason) => this.finish({ state: 'stopped', reason }),
      failed: (error) => this.finish(failedBy(error)),
    });
    this.suggestions = openSuggestions(plan, execution, {
      ask: (type, argument, summary) => scope.host.builtIn(type, argument, summary),
      asked: (asked) => this.log.push({ asked }),
    });
    this.scheduler =
      plan.scheduler === undefined ? new InOrder(plan.trials) : openScheduler(plan.scheduler, plan.trials);
    this.stopper = plan.stop === undefined ? undefined : openStopper(plan.stop);
    // Members of a population came to their parameters by different ways.
    this.known = plan.scheduler?.kind === 'population' ? undefined : new KnownOutcomes();
    if (state !== undefined) this.restore(state);
    this.log.push({ run: settings.runId });
  }

  /** Runs until every trial has ended, a limit is reached, too many have failed, or the history is full. */
  async run(): Promise<StudyEnd> {
    const { scope, plan } = this.settings;
    const over = new Promise<void>((resolve) => {
      this.settle = resolve;
    });
    if (this.stopper !== undefined) scope.onReport?.set(plan.study, (report) => this.reported(report));
    const inside = inWorkflowContext() ? new CancellationScope({ cancellable: true }) : undefined;
    const work = async () => {
      // Plain calls cannot be cut off, and their clock would be at the deadline at once.
      if (inside !== undefined) this.limits.watchTime();
      this.pump();
      await over;
    };
    try {
      await (inside === undefined ? work() : inside.run(work));
    } finally {
      scope.onReport?.delete(plan.study);
      // What is left is the timer of its deadline.
      inside?.cancel();
    }
    return this.end ?? { state: 'completed' };
  }

  get best(): Leader | undefined {
    return bestOf(this.settings.plan.objectives, this.leaders);
  }

  /** The calls that have ended, in that order. */
  get ended(): readonly CallResult[] {
    return this.rows.ended;
  }

  state(): StudyState {
    const { log, leaders, startedAt } = this;
    return { startedAt, log, leaders, added: this.limits.added, isHeld: this.held !== undefined };
  }

  /** Begins what there is room for; settles when nothing is left at work. */
  private pump(): void {
    const { plan, isFull, scope } = this.settings;
    while (this.end === undefined && !this.limits.isAsking && this.open < plan.atMost) {
      if (isFull?.() === true) {
        if (this.open === 0) this.end = { state: 'open' };
        break;
      }
      const used = this.held === undefined ? this.trialsUsed() : undefined;
      const move = this.held ?? this.next(used === undefined ? 'move' : 'go-on');
      if (move === undefined) {
        if (used !== undefined && this.open === 0) this.limits.reached(used, this.best);
        break;
      }
      const refusal = this.limits.guard.refusal(move.kind === 'start', scope.host.now());
      this.held = refusal === undefined ? undefined : move;
      if (refusal === undefined) {
        void this.follow(move);
        continue;
      }
      // What is set aside for calls at work may turn out to be too much: it is asked again when one ends.
      if (this.open === 0) this.limits.reached(refusal, this.best);
      break;
    }
    if (this.open === 0 && !this.limits.isAsking) this.settle?.();
  }

  private next(entry: 'move' | 'go-on'): Begun | undefined {
    const move = entry === 'move' ? this.scheduler.next() : this.scheduler.goOn();
    if (move.kind === 'wait' || move.kind === 'done') return undefined;
    this.log.push(entry);
    return move;
  }

  /** Why there are no new trials, where there were to be more. */
  private trialsUsed(): string | undefined {
    const { guard } = this.limits;
    return guard.begunTrials < this.settings.plan.trials ? guard.trialsUsed() : undefined;
  }

  /** A call from its beginning to what follows from its end. */
  private async follow(move: Begun): Promise<void> {
    this.open++;
    this.limits.guard.began(move.kind === 'start');
    let end: StudyEnd | undefined;
    try {
      end = this.callEnded(move, await this.outcomeOf(move));
    } catch (error) {
      // No result of a trial: the study cannot go on.
      end = failedBy(error);
    }
    this.open--;
    if (end === undefined) this.pump();
    else this.finish(end);
  }

  private finish(end: StudyEnd): void {
    this.end ??= end;
    for (const call of this.atWork.values()) call.stop();
    this.suggestions.stop();
    this.pump();
  }

  private async outcomeOf(move: Begun): Promise<Ended> {
    const params = await this.paramsOf(move);
    const budget = budgetOf(this.settings.plan, move);
    const earlier = this.known?.find(move.trial, params, budget);
    if (earlier !== undefined) {
      const values = await earlier.values;
      if (values !== undefined) return { state: 'done', values, output: undefined, sameAs: earlier.trial, tookMs: 0 };
    }
    if (this.end !== undefined) return { state: 'stopped', tookMs: 0 };
    const { host } = this.settings.scope;
    const startedAt = host.now();
    const call = this.callTrial(move, params);
    this.known?.add(move.trial, params, budget, call.outcome);
    try {
      return { ...(await call.outcome), tookMs: host.now() - startedAt };
    } finally {
      this.atWork.delete(move.trial);
    }
  }

  private callTrial(move: Begun, params: Params): TrialCall {
    const { call, plan, at } = this.settings;
    const budget = budgetOf(plan, move);
    const input = { params, ...(budget === undefined ? {} : { budget }) };
    const path = pathOf(plan, at, move, this.rows.row(move.trial).lineage);
    const made = new TrialCall(plan.study, plan.objectives, () => withPath(path, () => call(input)));
    this.atWork.set(move.trial, made);
    return made;
  }

  private async paramsOf(move: Begun): Promise<Params> {
    const { trial } = move;
    if (move.kind === 'continue') {
      if (move.exploit !== undefined) this.rows.enter(trial, this.explored(move, move.exploit), move.exploit);
      return this.rows.row(trial).params;
    }
    const guess = this.settings.plan.guesses[trial];
    const params = guess ?? (await this.suggestions.suggest(trial));
    this.rows.enter(trial, params);
    if (guess !== undefined) {
      this.log.push({ given: trial });
      this.suggestions.happened({ event: 'given', trial, params });
    }
    return params;
  }

  private explored(
    { trial, rung }: Begun & { readonly kind: 'continue' },
    from: NonNullable<CallResult['from']>,
  ): Params {
    const { plan } = this.settings;
    let draws = 0;
    const random = () => uniform(plan.seed, `${plan.study}[${trial}]@${rung}/${draws++}`);
    // That trial may have gone on since, with other parameters.
    const { params } = this.rows.call(from.trial, from.rung).result;
    return explore(plan.space, params, random, (_, parameter) => valueAt(parameter, random()));
  }

  /** Why the study ends with it, if it does. */
  private callEnded(move: Begun, outcome: Ended): StudyEnd | undefined {
    const { plan, scope } = this.settings;
    const result = resultOf(plan, this.rows, move, outcome);
    this.log.push({ ended: result });
    scope.host.record(memo.study, { study: plan.study, event: 'trial', ...result } satisfies StudyRecord);
    this.take(result, this.settings.runId, outcome.state === 'done' ? outcome.output : undefined);
    if (this.failed.size / plan.trials <= plan.tolerate) return undefined;
    return { state: 'failed', reason: this.failureText() };
  }

  /** What follows from the end of a call, now or read from an earlier run's log. */
  private take(result: CallResult, runId: string, output: unknown): void {
    const { plan } = this.settings;
    const { trial, rung, values, state, budget, params } = result;
    this.rows.take(result, runId);
    this.limits.guard.ended(result.seconds * 1000);
    if (state === 'failed') this.failed.add(trial);
    const value = values?.[0] === undefined ? {} : { value: gain(this.objective, values[0]) };
    this.scheduler.ended({ trial, rung, ...value });
    this.stopper?.ended(trial);
    this.suggestions.happened(samplerEvent(result));
    if (values === undefined || state === 'stopped' || state === 'failed') return;
    const size = budget === undefined ? {} : { budget };
    this.leaders = withLeader(plan.objectives, this.leaders, { trial, state, rung, ...size, params, values, output });
  }

  private restore({ log, isHeld, leaders, added }: StudyState): void {
    const first = new Map<number, Params>();
    for (const entry of log) {
      if (isEnd(entry) && entry.ended.rung === 0) first.set(entry.ended.trial, entry.ended.params);
    }
    const heldAt = isHeld ? log.findLastIndex((entry) => typeof entry === 'string') : -1;
    let runId = '';
    for (const [at, entry] of log.entries()) {
      if (typeof entry === 'string') {
        const move = this.next(entry) as Begun;
        if (at === heldAt) this.held = move;
        else this.limits.guard.began(move.kind === 'start');
        continue;
      }
      this.log.push(entry);
      if ('run' in entry) {
        runId = entry.run;
      } else if ('ended' in entry) {
        const { trial, params, from } = entry.ended;
        this.rows.enter(trial, params, from);
        this.take(entry.ended, runId, undefined);
        this.known?.restore(entry.ended);
      } else {
        const [event, trials] =
          'given' in entry ? (['given', [entry.given]] as const) : (['asked', entry.asked] as const);
        for (const trial of trials) this.suggestions.happened({ event, trial, params: first.get(trial) as Params });
      }
    }
    this.suggestions.restored();
    this.leaders = leaders;
    this.limits.restore(added);
  }

  private reported(report: TrialReport): void {
    const { study } = this.settings.plan;
    const trial = Number(/^\[(\d+)\]/.exec(report.stepId.slice(study.length))?.[1]);
    const call = this.atWork.get(trial);
    if (call === undefined || this.stopper === undefined || !Number.isFinite(report.value)) return;
    call.report = report;
    if (this.stopper.reported(trial, report.at, gain(this.objective, report.value))) call.stop();
  }

  private failureText(): string {
    const failed = this.ended.filter(({ state }) => state === 'failed');
    const shown = failed
      .slice(0, 3)
      .map(({ trial, failure }) => `trial ${trial}: ${failure?.message} [${failure?.code}]`);
    return `${this.failed.size} of ${this.settings.plan.trials} trials failed; ${shown.join('; ')}`;
  }
}

function isEnd(entry: LogEntry): entry is { readonly ended: CallResult } {
  return typeof entry === 'object' && 'ended' in entry;
}

function failedBy(error: unknown): StudyEnd {
  const reason = isEvertrainError(error) ? shortText(withoutLink(error.message)) : 'a trial could not be called';
  return { state: 'failed', reason, error };
}
