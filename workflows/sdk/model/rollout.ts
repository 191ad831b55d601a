import { scheduleActivity } from '@temporalio/workflow';
import { z } from 'zod';
import { type Duration, durationMs } from '../duration.js';
import { EvertrainError, show } from '../errors.js';
import { gate } from '../gate.js';
import { checkOptions } from '../options.js';
import { type PipelineDefinition, pipeline } from '../pipeline.js';
import { builtIn } from '../protocol.js';
import { deploy, finalCodes } from './deploy.js';
import type { Servable } from './deployment.js';
import { checkGuards, type LiveMetric, type RolloutGuards } from './rollout-guards.js';
import type { WatchAnswer, WatchRequest } from './rollout-watch.js';

/**
 * How a version that is to become the champion takes over: its share of the requests grows in stages, each held for a
 * time under guards. A run of its own changes the shares; the model promotes when it completes, and restores the champion
 * however else it ends.
 */

export interface RolloutRule {
  /** In their order; promoted after the last. */
  readonly stages: readonly Stage[];
  /** How long a stage is held, unless it says otherwise. */
  readonly hold?: Duration;
  /** Takes the rollout back; judged at every look, over all requests since the rollout began. `errorRate` is 0.05 unless set. */
  readonly abortWhen?: RolloutGuards;
  /** A stage is not over before the challenger has computed so many requests, in all stages so far. Default 0. */
  readonly minRequests?: number;
  /** Between two looks at the model server; default 5 s. */
  readonly lookEvery?: Duration;
}

/** Share of requests in percent; how many are computed in the shadow; or as live labels have it. */
export type Stage =
  | number
  | { readonly percent: number; readonly hold?: Duration }
  /** The challenger computes that share of the requests as well, and nobody gets its answers. */
  | { readonly shadow: number; readonly hold?: Duration }
  | BanditStage;

/**
 * Requests shift to the version that labels say is better (Thompson sampling: the share is the probability of being
 * better), until one of them is, surely enough.
 */
export interface BanditStage {
  /** What `bandit` compares. */
  readonly bandit: LiveMetric;
  /** The least share of either, in percent; default 5. */
  readonly floor?: number;
  /** How sure it must be to end; default 0.99. */
  readonly confidence?: number;
  /** After so long without an answer the champion stays. */
  readonly within: Duration;
}

const ResolvedStage = z.lazy(() =>
  z.union([
    z.object({ percent: z.number(), isShadow: z.boolean(), holdMs: z.number() }),
    z.object({
      metric: z.enum(['accuracy', 'mae', 'rmse']),
      floor: z.number(),
      confidence: z.number(),
      holdMs: z.number(),
    }),
  ]),
);
type ResolvedStage = z.output<typeof ResolvedStage>;

/** The rule in milliseconds and with its defaults, as its run is started with it. */
export interface RolloutTerms {
  readonly stages: readonly ResolvedStage[];
  readonly guards: RolloutGuards;
  readonly minRequests: number;
  readonly lookEveryMs: number;
}

/** What fails one request in twenty is not to be had by saying nothing. */
const mostErrors = 0.05;
const mostStages = 20;
const mostShifts = 300;
const fields = ['stages', 'hold', 'abortWhen', 'minRequests', 'lookEvery'];

/** Refuses a rule that cannot be kept: USER_OPTION_INVALID with the field. */
export function rolloutTerms(owner: string, rule: RolloutRule): RolloutTerms {
  checkOptions(`${owner}: rollout`, rule, fields);
  const { stages, abortWhen, minRequests = 0, lookEvery = '5 seconds' } = rule;
  if (!Array.isArray(stages) || stages.length === 0 || stages.length > mostStages) {
    throw invalid(owner, 'stages', stages, `List 1 to ${mostStages}, for example [10, 50, 100].`);
  }
  if (!Number.isSafeInteger(minRequests) || minRequests < 0) {
    throw invalid(owner, 'minRequests', minRequests, 'Use a whole number from 0.');
  }
  if (abortWhen !== undefined) checkGuards(owner, abortWhen);
  return {
    stages: stages.map((stage: Stage, n) => resolved(owner, `stages[${n}]`, stage, rule.hold)),
    guards: { errorRate: mostErrors, ...abortWhen },
    minRequests,
    lookEveryMs: durationMs(lookEvery, `${owner}: rollout.lookEvery`),
  };
}

function resolved(owner: string, field: string, stage: Stage, hold: Duration | undefined): ResolvedStage {
  const one = typeof stage === 'number' ? { percent: stage } : stage;
  const remedy = 'Use a percentage, { percent }, { shadow } or { bandit, within }.';
  if (typeof one !== 'object' || one === null) throw invalid(owner, field, stage, remedy);
  if ('bandit' in one) return bandit(owner, field, one);
  const isShadow = 'shadow' in one;
  checkOptions(`${owner}: rollout.${field}`, one, [isShadow ? 'shadow' : 'percent', 'hold']);
  const percent: unknown = isShadow ? one.shadow : one.percent;
  if (typeof percent !== 'number' || !(percent > 0 && percent <= 100)) {
    throw invalid(
      owner,
      field,
      stage,
      `${remedy} A percentage is above 0 and at most 100; the champion gets the rest.`,
    );
  }
  const time = one.hold ?? hold;
  if (time === undefined) throw invalid(owner, `${field}.hold`, time, "Say how long it is held, e.g. `hold: '10m'`.");
  return { percent, isShadow, holdMs: durationMs(time, `${owner}: rollout.${field}.hold`) };
}

function bandit(owner: string, field: string, stage: BanditStage): ResolvedStage {
  checkOptions(`${owner}: rollout.${field}`, stage, ['bandit', 'floor', 'confidence', 'within']);
  const { bandit: metric, floor = 5, confidence = 0.99, within } = stage;
  const wrong = (name: string, value: unknown, remedy: string) => invalid(owner, `${field}.${name}`, value, remedy);
  if (!['accuracy', 'mae', 'rmse'].includes(metric)) throw wrong('bandit', metric, "Use 'accuracy', 'mae' or 'rmse'.");
  if (!(floor >= 0 && floor < 50)) throw wrong('floor', floor, 'Use a percentage from 0, below 50.');
  if (!(confidence > 0.5 && confidence < 1)) throw wrong('confidence', confidence, 'Use a number above 0.5, below 1.');
  return { metric, floor, confidence, holdMs: durationMs(within, `${owner}: rollout.${field}.within`) };
}

function invalid(owner: string, field: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: rollout.${field} is ${show(value)}.`, { value, remedy });
}

const RolloutInput = z.lazy(() =>
  z.object({
    model: z.string(),
    /** Of all that this rollout deploys: what the model deploys afterwards has a greater one. */
    revision: z.int(),
    champion: z.custom<Servable>(),
    challenger: z.custom<Servable>(),
    terms: z.custom<RolloutTerms>(),
  }),
);

export type RolloutInput = z.output<typeof RolloutInput>;

/** The run that carries out a rollout; a gate that rejects is what takes it back, with its reason among the facts. */
export function rollout(model: string): PipelineDefinition {
  return pipeline(
    `${model}.rollout`,
    { input: RolloutInput, description: `a challenger of ${model} takes over in stages` },
    async (input): Promise<{ reason: string }> => {
      const run = new Rollout(input);
      const labels: string[] = [];
      for (const stage of input.terms.stages) {
        const label = stageLabel(stage);
        const answer = await run.hold(stage);
        const isWell = answer.ended === 'held' || answer.ended === 'won';
        gate(`stage ${label}`, isWell, { reason: answer.reason ?? `held: ${label}`, stage: label, ...answer.facts });
        labels.push(label);
        if (answer.ended === 'won') break;
      }
      return { reason: `rolled out: ${labels.join(', ')}` };
    },
  );
}

/** For people; names the gate at its end as well. */
export function stageLabel(stage: ResolvedStage): string {
  if ('metric' in stage) return `bandit on ${stage.metric}`;
  return stage.isShadow ? `${stage.percent} % in the shadow` : `${stage.percent} %`;
}

class Rollout {
  private stage = 0;

  constructor(private readonly input: RolloutInput) {}

  /** Until the time is over, a guard speaks, or the labels have decided. */
  async hold(stage: ResolvedStage): Promise<WatchAnswer> {
    const isBandit = 'metric' in stage;
    let share = isBandit ? { percent: 50, isShadow: false } : stage;
    await this.split(share);
    const until = Date.now() + stage.holdMs;
    // Each shift of the shares costs the history a dozen events.
    const lookEveryMs = Math.max(this.input.terms.lookEveryMs, isBandit ? stage.holdMs / mostShifts : 0);
    for (;;) {
      const answer = await this.watch(until, lookEveryMs, isBandit ? { ...stage, percent: share.percent } : undefined);
      if (answer.ended !== 'shifted') return answer;
      share = { percent: answer.percent ?? share.percent, isShadow: false };
      await this.split(share);
    }
  }

  private async split({ percent, isShadow }: { percent: number; isShadow: boolean }): Promise<void> {
    const { model, revision, champion, challenger } = this.input;
    this.stage += 1;
    const share = { ...challenger, percent, ...(isShadow ? { isShadow } : {}) };
    const summary = `${model}: ${percent} % ${isShadow ? 'in the shadow ' : ''}for version ${challenger.version}`;
    await deploy({ ...champion, model, revision, stage: this.stage, challenger: share }, { summary });
  }

  private watch(until: number, lookEveryMs: number, bandit: WatchRequest['bandit']): Promise<WatchAnswer> {
    const { model, revision, champion, challenger, terms } = this.input;
    const request: WatchRequest = {
      model,
      revision,
      champion: champion.version,
      challenger: challenger.version,
      guards: terms.guards,
      until,
      minRequests: terms.minRequests,
      lookEveryMs,
      ...(bandit === undefined ? {} : { bandit }),
    };
    return scheduleActivity<WatchAnswer>(builtIn.watch, [request], {
      startToCloseTimeout: 60_000,
      heartbeatTimeout: 10_000,
      // Each look but the last fails, and says when the next is due: nothing is held in between.
      retry: { initialInterval: lookEveryMs, backoffCoefficient: 1, nonRetryableErrorTypes: finalCodes },
      summary: `look after version ${challenger.version} of ${model}`,
    });
  }
}
