import { type Duration, durationMs } from '../duration.js';
import { QualityRules } from './steps.js';
import { type DriftRule, driftTerms } from './drift-rule.js';
import { type RolloutRule, rolloutTerms } from './rollout-rule.js';
import { checkOptions, invalidOption } from '../options.js';
import { decode } from '../schema.js';

/**
 * What a model does by itself, as data: it stands in the model's state, so that a running model keeps what it was told,
 * whatever the code beside it says now. `configure` and a new deployment change it.
 */
export interface ModelPolicy {
  readonly promotion: 'manual' | PromotionRule;
  readonly retrainWhen?: RetrainWhen;
  readonly window?: Window;
  readonly update?: 'full' | 'incremental';
  readonly quality?: QualityRules;
  readonly retry?: TrainingRetry;
  readonly whileTraining?: 'wait' | 'restart';
  readonly retention?: Retention;
  readonly rollout?: RolloutRule;
  readonly drift?: DriftRule;
}

/**
 * Which batches of earlier trainings a training uses beside the new ones: none, all, so many that it uses n in all, or
 * those of the last time (by their `at`). `'custom'`: the function that `model()` was given decides.
 */
export type Window = 'new' | 'all' | 'custom' | { readonly batches: number } | { readonly last: Duration };

export interface Retention {
  /** The artifacts of the newest n versions are kept, and of the champion and the one before it; 1 to 50. */
  readonly versions: number;
}

/** Any of these starts a training; data that arrives meanwhile waits for the next. */
export interface RetrainWhen {
  /** So many rows wait. */
  readonly rows?: number;
  /** So many batches wait. */
  readonly batches?: number;
  /** The first waiting batch has waited so long. */
  readonly orAfter?: Duration;
  /** At these times, if anything waits: five fields of cron, `@daily` and the like, in UTC or after `CRON_TZ=Europe/Berlin `. */
  readonly schedule?: string;
}

export interface TrainingRetry {
  /** How often a training that data started is tried in all; default once. */
  readonly attempts: number;
  /** Default a minute. */
  readonly delay?: Duration;
}

/**
 * Promotes by itself what is better on the challenger's held-out data. The first version is promoted without a
 * comparison.
 */
export interface PromotionRule {
  /** One of the metrics that `evaluate` answers. */
  readonly metric: string;
  readonly direction?: 'maximize' | 'minimize';
  /** How much better it must be, in the metric's unit; default 0: strictly better. */
  readonly minGain?: number;
  /** How much worse it may be instead (non-inferiority); excludes `minGain`. */
  readonly margin?: number;
  /** How sure that must be: one-sided, by a paired bootstrap over the rows. Default 0.95. */
  readonly confidence?: number;
  /** What the metric of a first version must reach. */
  readonly firstVersion?: number;
  /** A person decides on what passed the rule. */
  readonly approval?: PromotionApproval;
}

export interface PromotionApproval {
  /** How long to wait; without it, for ever. */
  readonly within?: Duration;
  /** What nobody's answer means; default `'reject'`. */
  readonly onTimeout?: 'reject' | 'promote';
}

/** The promotion rule with its defaults, as its run is started with it. */
export interface PromotionTerms {
  readonly metric: string;
  readonly direction: 'maximize' | 'minimize';
  /** The gain must exceed it; below 0 it is a margin of non-inferiority. */
  readonly threshold: number;
  readonly confidence: number;
  readonly firstVersion?: number;
  readonly approval?: PromotionApproval;
}

/** The policy of data with its defaults. */
export interface DataPolicy {
  readonly rows: number | undefined;
  readonly batches: number;
  readonly afterMs: number | undefined;
  readonly window: 'new' | 'all' | 'custom' | { readonly batches: number } | { readonly lastMs: number };
  /** Only what the champion has not seen is trained on, where that is known. */
  readonly isIncremental: boolean;
  readonly attempts: number;
  readonly retryDelayMs: number;
  readonly restarts: boolean;
}

/** At most so many batches wait in a model's state, which travels when it continues as new. */
export const mostWaiting = 5_000;
/** So many versions a model has at hand; older ones lie in its archive. */
export const mostVersions = 50;

/** What `data` declares of the policy. */
export const dataFields = ['retrainWhen', 'window', 'update', 'quality', 'retry', 'whileTraining'] as const;
export const policyFields = ['promotion', 'retention', 'rollout', 'drift', ...dataFields] as const;

/** Refuses a policy that cannot be kept: USER_OPTION_INVALID with the field. */
export function checkPolicy(owner: string, policy: ModelPolicy): ModelPolicy {
  promotionTerms(owner, policy);
  checkRetention(owner, policy.retention);
  if (policy.rollout !== undefined) rolloutTerms(owner, policy.rollout);
  if (policy.drift !== undefined) driftTerms(owner, policy.drift);
  if (policy.retrainWhen !== undefined) dataPolicy(owner, policy);
  if (policy.quality !== undefined) {
    decode(QualityRules, policy.quality, 'USER_OPTION_INVALID', `${owner}: data.quality`);
  }
  return policy;
}

export function dataPolicy(owner: string, policy: Omit<ModelPolicy, 'promotion'>): DataPolicy {
  const { retrainWhen, window = 'new', update = 'full', retry, whileTraining = 'wait' } = policy;
  checkOptions(`${owner}: data.retrainWhen`, retrainWhen ?? {}, ['rows', 'batches', 'orAfter', 'schedule']);
  const { rows, batches, orAfter, schedule } = retrainWhen ?? {};
  if ([rows, batches, orAfter, schedule].every((trigger) => trigger === undefined)) {
    throw invalidOption(owner, 'data.retrainWhen', retrainWhen, 'Give `rows`, `batches`, `orAfter` or `schedule`.');
  }
  if (schedule !== undefined && !isSchedule(schedule)) {
    throw invalidOption(
      owner,
      'data.retrainWhen.schedule',
      schedule,
      "Use cron's five fields, or '@daily' and the like.",
    );
  }
  for (const [name, value] of Object.entries({ rows, batches })) {
    if (value !== undefined && !isCount(value)) {
      throw invalidOption(owner, `data.retrainWhen.${name}`, value, 'Use a whole number from 1.');
    }
  }
  if (update !== 'full' && update !== 'incremental') {
    throw invalidOption(owner, 'data.update', update, "Use 'full' or 'incremental'.");
  }
  if (whileTraining !== 'wait' && whileTraining !== 'restart') {
    throw invalidOption(owner, 'data.whileTraining', whileTraining, "Use 'wait' or 'restart'.");
  }
  checkOptions(`${owner}: data.retry`, retry ?? {}, ['attempts', 'delay']);
  const attempts = retry === undefined ? 1 : retry.attempts;
  if (!isCount(attempts)) throw invalidOption(owner, 'data.retry.attempts', attempts, 'Use a whole number from 1.');
  return {
    rows,
    batches: Math.min(batches ?? mostWaiting, mostWaiting),
    afterMs: orAfter === undefined ? undefined : durationMs(orAfter, `${owner}: data.retrainWhen.orAfter`),
    window: resolvedWindow(owner, window),
    isIncremental: update === 'incremental',
    attempts,
    retryDelayMs: durationMs(retry?.delay ?? '1 minute', `${owner}: data.retry.delay`),
    restarts: whileTraining === 'restart',
  };
}

function resolvedWindow(owner: string, window: Window): DataPolicy['window'] {
  if (window === 'new' || window === 'all' || window === 'custom') return window;
  const remedy = "Use 'new', 'all', { batches: n }, { last: '30 days' }, or a function in `model()`.";
  if (typeof window !== 'object' || window === null || Object.keys(window).length !== 1) {
    throw invalidOption(owner, 'data.window', window, remedy);
  }
  if ('last' in window) return { lastMs: durationMs(window.last, `${owner}: data.window.last`) };
  if (!isCount(window.batches)) throw invalidOption(owner, 'data.window', window, remedy);
  return { batches: window.batches };
}

function checkRetention(owner: string, retention: Retention | undefined): void {
  if (retention === undefined) return;
  checkOptions(`${owner}: retention`, retention, ['versions']);
  const { versions } = retention;
  if (isCount(versions) && versions <= mostVersions) return;
  throw invalidOption(owner, 'retention.versions', versions, `Use a whole number from 1 to ${mostVersions}.`);
}

const ruleFields = ['metric', 'direction', 'minGain', 'margin', 'confidence', 'firstVersion', 'approval'];

export function promotionTerms(owner: string, { promotion: rule }: ModelPolicy): 'manual' | PromotionTerms {
  if (rule === 'manual') return rule;
  checkOptions(`${owner}: promotion`, rule, ruleFields, { stages: 'Declare them as `rollout: { stages }` beside it.' });
  const { metric, direction = 'maximize', minGain, margin, confidence = 0.95, firstVersion, approval } = rule;
  const wrong = (field: string, value: unknown, remedy: string) =>
    invalidOption(owner, `promotion.${field}`, value, remedy);
  if (typeof metric !== 'string' || metric === '') throw wrong('metric', metric, 'Name a metric of `evaluate`.');
  if (direction !== 'maximize' && direction !== 'minimize') {
    throw wrong('direction', direction, 'Use "maximize" or "minimize".');
  }
  if (minGain !== undefined && margin !== undefined) {
    throw wrong(
      'margin',
      margin,
      'Give `minGain` (better by so much) or `margin` (worse by at most so much), not both.',
    );
  }
  for (const [name, value] of Object.entries({ minGain, margin })) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      throw wrong(name, value, 'Use a number from 0.');
  }
  if (!(confidence > 0.5 && confidence < 1))
    throw wrong('confidence', confidence, 'Use a number above 0.5 and below 1.');
  if (firstVersion !== undefined && !Number.isFinite(firstVersion)) {
    throw wrong('firstVersion', firstVersion, 'Use the value that the metric must reach.');
  }
  if (approval !== undefined) checkApproval(owner, approval);
  return {
    metric,
    direction,
    threshold: margin === undefined ? (minGain ?? 0) : -margin,
    confidence,
    ...(firstVersion === undefined ? {} : { firstVersion }),
    ...(approval === undefined ? {} : { approval }),
  };
}

function checkApproval(owner: string, approval: PromotionApproval): void {
  checkOptions(`${owner}: promotion.approval`, approval, ['within', 'onTimeout']);
  const { within, onTimeout = 'reject' } = approval;
  if (within !== undefined) durationMs(within, `${owner}: promotion.approval.within`);
  if (onTimeout !== 'reject' && onTimeout !== 'promote') {
    throw invalidOption(owner, 'promotion.approval.onTimeout', onTimeout, "Use 'reject' or 'promote'.");
  }
}

/** The engine says more of what it refuses. */
function isSchedule(value: unknown): boolean {
  return typeof value === 'string' && /^(CRON_TZ=[\w/+-]+ )?(@[a-z]+( [\w.]+)?|\S+( \S+){4,6})$/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}
