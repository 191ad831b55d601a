import { z } from 'zod';
import { type Duration, durationMs } from '../duration.js';
import { EvertrainError } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';
import { checkGuards, type LiveMetric, type RolloutGuards } from './rollout-guards.js';

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
export type ResolvedStage = z.output<typeof ResolvedStage>;

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
  return invalidOption(owner, `rollout.${field}`, value, remedy);
}

/** For people; names the gate at its end as well. */
export function stageLabel(stage: ResolvedStage): string {
  if ('metric' in stage) return `bandit on ${stage.metric}`;
  return stage.isShadow ? `${stage.percent} % in the shadow` : `${stage.percent} %`;
}
