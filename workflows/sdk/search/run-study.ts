import { CancellationScope, inWorkflowContext } from '@temporalio/workflow';
import { called } from '../awaitable.js';
import { jsonDigest, uniform } from '../digest.js';
import { memo, type TrialReport } from '../protocol.js';
import { type RunScope, type StepPath, withPath } from '../run-scope.js';
import { InOrder } from './in-order.js';
import { bestOf, gain, withLeader } from './leaders.js';
import { Limits } from './limits.js';
import { valueAt } from './point-samplers.js';
import type { Move, Scheduler, Stopper } from './scheduler.js';
import { explore } from './schedulers/explore.js';
import { openStopper } from './schedulers/median-stop.js';
import { openScheduler } from './schedulers/open-scheduler.js';
import type { CallResult, Leader, LogEntry, Row, StudyPlan, StudyState } from './study-plan.js';
import type { Objective, Params, StudyEnded, StudyRecord } from './study-record.js';
import { openSuggestions, type Suggestions } from './suggestions.js';
import type { SamplerEvent } from './suggest.js';
import { type Outcome, TrialCall, type TrialInput } from './trial-call.js';

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

type Begun = Exclude<Move, { readonly kind: 'wait' | 'done' }>;
type Result = Outcome & { readonly sameAs?: number };

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
  readonly rows: Row[] = [];
  readonly ended: CallResult[] = [];
  leaders: readonly Leader[] = [];
  private readonly log: LogEntry[] = [];
  private readonly scheduler: Scheduler;
  private readonly stopper: Stopper | undefined;
  private readonly suggestions: Suggestions;
  private readonly limits: Limits;
  private readonly objective: Objective;
  private readonly lastBudget: number | undefined;
  /** Outcomes by parameters and budget. */
  private readonly known = new Map<string, { readonly trial: number; readonly outcome: Promise<Outcome> }>();
  private readonly atWork = new Map<number, TrialCall>();
  private readonly startedAt: number;
  private open = 0;
  private failures = 0;
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
      failed: (error) => this.finish({ state: 'failed', reason: 'nobody could be asked for more budget', error }),
    });
    this.suggestions = openSuggestions(plan, execution, {
      ask: (type, argument, summary) => scope.host.builtIn(type, argument, summary),
      asked: (asked) => this.log.push({ asked }),
    });
    this.scheduler =
      plan.scheduler === undefined ? new InOrder(plan.trials) : openScheduler(plan.scheduler, plan.trials);
    this.lastBudget = plan.scheduler?.max;
    this.stopper = plan.stop === undefined ? undefined : openStopper(plan.stop);
    if (state !== undefined) this.restore(state);
  }

  /** Runs until every trial has ended, a limit is reached, too many have failed, or the history is full. */
  async run(): Promise<StudyEnd> {
    const { scope, plan } = this.settings;
    const over = new Promise<void>((resolve) => {
      this.settle = resolve;
    });
    scope.onReport?.set(plan.study, (report) => this.reported(report));
    const inside = inWorkflowContext() ? new CancellationScope({ cancellable: true }) : undefined;
    const work = async () => {
      this.limits.watchTime();
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

  state(): StudyState {
    const { rows, log, leaders, startedAt } = this;
    return { startedAt, rows, log, leaders, added: this.limits.added, isHeld: this.held !== undefined };
  }

  /** Begins what there is room for; settles when nothing is left at work. */
  private pump(): void {
    const { plan, isFull, scope } = this.settings;
    while (this.end === undefined && !this.limits.isAsking && this.open < plan.atMost) {
      if (isFull?.() === true) {
        if (this.open === 0) this.end = { state: 'open' };
        break;
      }
      const move = this.held ?? this.scheduler.next();
      if (move.kind === 'wait' || move.kind === 'done') break;
      if (this.held === undefined) this.log.push('move');
      const refusal = this.limits.guard.refusal(move.kind === 'start', scope.host.now());
      this.held = refusal === undefined ? undefined : move;
      if (refusal === undefined) {
        this.begin(move);
        continue;
      }
      // What is set aside for calls at work may turn out to be too much: it is asked again when one ends.
      if (this.open === 0) this.limits.reached(refusal, this.best);
      break;
    }
    if (this.open === 0 && !this.limits.isAsking) this.settle?.();
  }

  private begin(move: Begun): void {
    this.open++;
    this.limits.guard.began(move.kind === 'start');
    const startedAt = this.settings.scope.host.now();
    void called(() => this.outcomeOf(move)).then(
      (outcome) => this.callEnded(move, outcome, startedAt),
      // No result of a trial: the study cannot go on.
      (error: unknown) => {
        this.open--;
        this.finish({ state: 'failed', reason: 'a trial could not be called', error });
      },
    );
  }

  private finish(end: StudyEnd): void {
    this.end ??= end;
    for (const call of this.atWork.values()) call.stop();
    this.pump();
  }

  private async outcomeOf(move: Begun): Promise<Result> {
    const { plan } = this.settings;
    const params = await this.paramsOf(move);
    // The same parameters at the same budget have the same result, unless they came there by different ways.
    const key = plan.scheduler?.kind === 'population' ? undefined : jsonDigest([params, this.budgetOf(move) ?? null]);
    const earlier = key === undefined ? undefined : this.known.get(key);
    if (earlier !== undefined && earlier.trial !== move.trial) {
      const outcome = await earlier.outcome;
      if (outcome.state === 'done') {
        this.row(move.trial).lineage = this.row(earlier.trial).lineage;
        return { ...outcome, sameAs: earlier.trial };
      }
    }
    if (this.end !== undefined) return { state: 'stopped' };
    const call = this.callTrial(move, params);
    if (key !== undefined) this.known.set(key, { trial: move.trial, outcome: call.outcome });
    try {
      return await call.outcome;
    } finally {
      this.atWork.delete(move.trial);
    }
  }

  private callTrial(move: Begun, params: Params): TrialCall {
    const { call, plan } = this.settings;
    const budget = this.budgetOf(move);
    const input = { params, ...(budget === undefined ? {} : { budget }) };
    const made = new TrialCall(plan.study, plan.objectives, () => withPath(this.pathOf(move), () => call(input)));
    this.atWork.set(move.trial, made);
    return made;
  }

  private async paramsOf(move: Begun): Promise<Params> {
    const { plan } = this.settings;
    if (move.kind === 'continue') {
      if (move.exploit !== undefined) this.rows[move.trial] = this.explored(move, move.exploit);
      return this.row(move.trial).params;
    }
    const guess = plan.guesses[move.trial];
    const params = guess ?? (await this.suggestions.suggest(move.trial));
    this.rows[move.trial] = { params, lineage: [] };
    if (guess !== undefined) {
      this.log.push({ given: move.trial });
      this.suggestions.happened({ event: 'given', trial: move.trial, params });
    }
    return params;
  }

  private explored(move: Begun & { readonly kind: 'continue' }, from: { trial: number; rung: number }): Row {
    const { plan } = this.settings;
    let draws = 0;
    const random = () => uniform(plan.seed, `${plan.study}[${move.trial}]@${move.rung}/${draws++}`);
    // It may have gone on since, with other parameters.
    const source = this.ended.find(({ trial, rung }) => trial === from.trial && rung === from.rung) as CallResult;
    const place = this.row(from.trial).lineage.find(({ trial, rung }) => trial === from.trial && rung === from.rung);
    return {
      params: explore(plan.space, source.params, random, (_, parameter) => valueAt(parameter, random())),
      lineage: [place ?? { ...from, runId: this.settings.runId }],
    };
  }

  private pathOf(move: Begun): StepPath {
    const { plan, at } = this.settings;
    const prefix = prefixOf(plan.study, move.trial, rungOf(move));
    const resumes = this.row(move.trial).lineage.map(({ trial, rung, runId }) => ({
      prefix: prefixOf(plan.study, trial, rung),
      runId,
    }));
    return {
      prefix,
      groups: [...at.groups, plan.study.slice(at.prefix.length)],
      trial: {
        prefix,
        seedPrefix: prefixOf(plan.study, move.trial, 0),
        resumes: resumes.reverse(),
        ...(this.stopper === undefined ? {} : { reports: this.objective.metric }),
      },
    };
  }

  private budgetOf(move: Begun): number | undefined {
    return this.lastBudget === undefined ? undefined : move.budget;
  }

  private callEnded(move: Begun, outcome: Result, startedAt: number): void {
    const { plan, scope } = this.settings;
    const tookMs = outcome.sameAs === undefined ? scope.host.now() - startedAt : 0;
    const result = this.resultOf(move, outcome, tookMs);
    this.open--;
    this.log.push({ ended: result });
    scope.host.record(memo.study, { study: plan.study, event: 'trial', ...result } satisfies StudyRecord);
    this.take(result, outcome.state === 'done' ? outcome.output : undefined);
    if (this.failures > plan.tolerate * plan.trials) this.finish({ state: 'failed', reason: this.failureText() });
    else this.pump();
  }

  private resultOf(move: Begun, outcome: Result, tookMs: number): CallResult {
    const budget = outcome.state === 'stopped' ? outcome.at : this.budgetOf(move);
    const isLast = this.lastBudget === undefined || budget === this.lastBudget;
    const values = 'values' in outcome ? outcome.values : undefined;
    return {
      trial: move.trial,
      rung: rungOf(move),
      ...(budget === undefined ? {} : { budget }),
      params: this.row(move.trial).params,
      state: outcome.state !== 'done' ? outcome.state : isLast ? 'completed' : 'paused',
      ...(values === undefined ? {} : { values }),
      seconds: tookMs / 1000,
      ...(outcome.state === 'failed' ? { failure: { code: outcome.code, message: outcome.message } } : {}),
      ...(outcome.sameAs === undefined ? {} : { sameAs: outcome.sameAs }),
      ...(move.kind === 'continue' && move.exploit !== undefined ? { from: move.exploit } : {}),
    };
  }

  /** What follows from the end of a call, now or read from an earlier run's log. */
  private take(result: CallResult, output: unknown): void {
    const { plan, runId } = this.settings;
    const { trial, rung, values, state, budget, params, sameAs } = result;
    this.ended.push(result);
    this.limits.guard.ended(result.seconds * 1000);
    const row = this.row(trial);
    if (sameAs === undefined) row.lineage = [...row.lineage, { trial, rung, runId }].slice(-3);
    if (state === 'failed') this.failures++;
    const value = values?.[0] === undefined ? {} : { value: gain(this.objective, values[0]) };
    this.scheduler.ended({ trial, rung, ...value });
    this.stopper?.ended(trial);
    this.suggestions.happened(samplerEvent(result));
    if (values === undefined || state === 'stopped') return;
    const size = budget === undefined ? {} : { budget };
    this.leaders = withLeader(plan.objectives, this.leaders, { trial, rung, ...size, params, values, output });
  }

  private restore(state: StudyState): void {
    this.rows.push(...state.rows);
    const lineages = state.rows.map(({ lineage }) => lineage);
    const heldAt = state.isHeld ? state.log.lastIndexOf('move') : -1;
    for (const [at, entry] of state.log.entries()) {
      this.log.push(entry);
      if (entry === 'move') {
        const move = this.scheduler.next();
        if (at === heldAt) this.held = move as Begun;
        else this.limits.guard.began(move.kind === 'start');
      } else if ('ended' in entry) {
        this.take(entry.ended, undefined);
      } else {
        const [event, trials] =
          'given' in entry ? (['given', [entry.given]] as const) : (['asked', entry.asked] as const);
        for (const trial of trials) this.suggestions.happened({ event, trial, params: this.row(trial).params });
      }
    }
    for (const [trial, lineage] of lineages.entries()) this.row(trial).lineage = lineage;
    this.suggestions.restored();
    this.leaders = state.leaders;
    this.limits.restore(state.added);
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
    return `${failed.length} of ${this.settings.plan.trials} trials failed; ${shown.join('; ')}`;
  }

  private row(trial: number): Row {
    const found = this.rows[trial];
    if (found === undefined) throw new Error(`there is no trial ${trial} yet`);
    return found;
  }
}

function samplerEvent({ trial, rung, state, values, budget, params }: CallResult): SamplerEvent {
  const told =
    values === undefined
      ? ({ state: 'failed' } as const)
      : state === 'completed' || budget === undefined
        ? ({ state: 'complete', values } as const)
        : ({ state: 'pruned', budget, value: values[0] as number } as const);
  return rung === 0 ? { event: 'told', trial, ...told } : { event: 'added', params, ...told };
}

function rungOf(move: Begun): number {
  return move.kind === 'start' ? 0 : move.rung;
}

/** What ids of a trial's steps begin with. */
function prefixOf(study: string, trial: number, rung: number): string {
  return `${study}[${trial}]${rung === 0 ? '' : `@${rung}`}/`;
}
