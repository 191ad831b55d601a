import { EvertrainError, show } from './errors.js';
import { type DataOptions, type DataPolicy, dataPolicy } from './model-data.js';
import { checkName, checkOptions } from './options.js';
import type { PipelineDefinition } from './pipeline.js';
import { type Description, descriptionFields } from './step.js';

export interface ModelOptions<P extends PipelineDefinition> extends Description {
  /** Trains a version; its output must be a candidate. */
  readonly pipeline: P;
  /**
   * `'manual'`: a person promotes. Otherwise the first version is promoted by itself, and a later one when its metric,
   * as its pipeline reported it, is better than the champion's by more than `minGain` (default 0: strictly better).
   */
  readonly promotion?: 'manual' | PromotionRule;
  /** How data that arrives leads to trainings; without it only people start them. */
  readonly data?: DataOptions;
  /** Whether promotion puts the version on the model server. Default true. */
  readonly serve?: boolean;
}

export interface PromotionRule {
  readonly metric: string;
  readonly direction?: 'maximize' | 'minimize';
  readonly minGain?: number;
}

/** A model's contract as data: the policy of its long-lived workflow. */
export interface ModelDefinition<P extends PipelineDefinition = PipelineDefinition> extends Description {
  readonly kind: 'model';
  readonly name: string;
  readonly pipeline: P;
  readonly promotion: 'manual' | Required<PromotionRule>;
  readonly serve: boolean;
  readonly data: DataPolicy | undefined;
}

/** Declares a model: one workflow that trains versions by its pipeline, holds the champion and promotes. */
export function model<P extends PipelineDefinition>(name: string, options: ModelOptions<P>): ModelDefinition<P> {
  checkName('model', name);
  const owner = `model "${name}"`;
  const soon = 'Evertrain will honour it in a later version; remove it for now.';
  checkOptions(owner, options, ['pipeline', 'promotion', 'serve', 'data', ...descriptionFields], {
    drift: soon,
    rollout: soon,
    evaluate: soon,
    retention: soon,
  });
  if (options.pipeline?.kind !== 'pipeline') {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: pipeline is ${show(options.pipeline)}.`, {
      remedy: 'Pass a value made by pipeline().',
    });
  }
  const { description, owner: who, tags } = options;
  return {
    kind: 'model',
    name,
    pipeline: options.pipeline,
    promotion: promotionRule(owner, options.promotion ?? 'manual'),
    serve: options.serve ?? true,
    data: options.data === undefined ? undefined : dataPolicy(owner, options.data),
    ...(description === undefined ? {} : { description }),
    ...(who === undefined ? {} : { owner: who }),
    ...(tags === undefined ? {} : { tags }),
  };
}

function promotionRule(owner: string, rule: 'manual' | PromotionRule): 'manual' | Required<PromotionRule> {
  if (rule === 'manual') return rule;
  checkOptions(`${owner}: promotion`, rule, ['metric', 'direction', 'minGain'], {
    approval: 'Use promotion: "manual" and promote with the client or CLI.',
    stages: 'Rollout in stages comes in a later version.',
  });
  const { metric, direction = 'maximize', minGain = 0 } = rule;
  if (typeof metric !== 'string' || metric === '')
    throw invalid(owner, 'metric', metric, 'Name a metric of the candidate.');
  if (direction !== 'maximize' && direction !== 'minimize') {
    throw invalid(owner, 'direction', direction, 'Use "maximize" or "minimize".');
  }
  if (!(minGain >= 0)) throw invalid(owner, 'minGain', minGain, 'Use a number from 0.');
  return { metric, direction, minGain };
}

function invalid(owner: string, field: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: promotion.${field} is ${show(value)}.`, {
    value,
    remedy,
  });
}
