import type { Description, PipelineDefinition } from '../definitions.js';
import { EvertrainError, show } from '../errors.js';
import type { KnownBatch } from './batch.js';
import {
  checkPolicy,
  dataFields,
  dataPolicy,
  type ModelPolicy,
  type PromotionRule,
  type Retention,
  type RetrainWhen,
  type Window,
} from './policy.js';
import { batchCheck, comparison, type EvaluateStep, type QualityStep } from './runs.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import type { Schema } from '../schema.js';
import type { QualityRules } from './steps.js';
import type { Champion, WindowFunction } from './window.js';
import { descriptionFields } from '../step.js';
import { driftCheck } from './drift-check.js';
import type { DriftRule } from './drift-rule.js';
import { rollout } from './rollout.js';
import type { RolloutRule } from './rollout-rule.js';

export interface ModelOptions<P extends PipelineDefinition> extends Description {
  /** Trains a version; its output must be a candidate. */
  readonly pipeline: P;
  /**
   * A step `({ model, data }) → { metrics, perRow }` that scores a version on a table, one row of `perRow` for each of
   * its rows. Challenger and champion are both evaluated anew on the challenger's held-out data.
   */
  readonly evaluate?: EvaluateStep;
  /** `'manual'` (default): a person promotes. Otherwise what passes the rule, which needs `evaluate`, is promoted. */
  readonly promotion?: 'manual' | PromotionRule;
  /** How data that arrives leads to trainings; without it only people start them. */
  readonly data?: DataOptions;
  /**
   * How a version that is better takes over from the champion: in stages, which take themselves back. Without it, at once.
   */
  readonly rollout?: RolloutRule;
  /** How often what is asked of the served version is compared with its candidate's `reference`. */
  readonly drift?: DriftRule;
  /** How many versions keep their artifacts; default all. `evertrain gc` removes the others'. */
  readonly retention?: Retention;
  /** Whether promotion puts the version on the model server. Default true. */
  readonly serve?: boolean;
}

/** A model's contract: what its long-lived workflow does. `policy` is data, which a running model may have otherwise. */
export interface ModelDefinition<P extends PipelineDefinition = PipelineDefinition> extends Description {
  readonly kind: 'model';
  readonly name: string;
  readonly pipeline: P;
  readonly serve: boolean;
  readonly policy: ModelPolicy;
  readonly data:
    | {
        readonly event: Schema | undefined;
        readonly toInput: DataOptions['toInput'];
        readonly choose: WindowFunction | undefined;
      }
    | undefined;
  /** Runs beside the trainings, as pipelines of the project. */
  readonly runs: {
    readonly comparison?: PipelineDefinition;
    readonly batchCheck?: PipelineDefinition;
    readonly rollout?: PipelineDefinition;
    readonly driftCheck?: PipelineDefinition;
  };
}

/** Declares a model: one workflow that trains versions by its pipeline, holds the champion and promotes. */
export function model<P extends PipelineDefinition>(name: string, options: ModelOptions<P>): ModelDefinition<P> {
  checkName('model', name);
  const owner = `model "${name}"`;
  const others = ['pipeline', 'evaluate', 'serve', 'data', 'promotion', 'retention', 'rollout', 'drift'];
  checkOptions(owner, options, [...others, ...descriptionFields]);
  if (options.pipeline?.kind !== 'pipeline') throw notMade(owner, 'pipeline', options.pipeline, 'pipeline');
  const { evaluate, data } = options;
  if (evaluate !== undefined && evaluate.kind !== 'step') throw notMade(owner, 'evaluate', evaluate, 'step');
  const { description, owner: who, tags } = options;
  const quality = data?.quality;
  const choose = typeof data?.window === 'function' ? data.window : undefined;
  return {
    kind: 'model',
    name,
    pipeline: options.pipeline,
    serve: options.serve ?? true,
    policy: policyOf(owner, options),
    data: data === undefined ? undefined : { event: data.event, toInput: data.toInput, choose },
    runs: {
      ...(evaluate === undefined ? {} : { comparison: comparison(name, evaluate) }),
      ...(options.rollout === undefined ? {} : { rollout: rollout(name) }),
      ...(options.drift === undefined ? {} : { driftCheck: driftCheck(name) }),
      ...(quality === undefined ? {} : { batchCheck: batchCheck(name, isStep(quality) ? quality : undefined) }),
    },
    ...(description === undefined ? {} : { description }),
    ...(who === undefined ? {} : { owner: who }),
    ...(tags === undefined ? {} : { tags }),
  };
}

function policyOf(
  owner: string,
  options: Omit<ModelOptions<PipelineDefinition>, 'pipeline' | 'evaluate' | keyof Description>,
) {
  const { promotion = 'manual', retention, rollout: stages, drift, data, serve = true } = options;
  for (const [name, value] of Object.entries({ rollout: stages, drift })) {
    if (value === undefined || serve) continue;
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${name} needs the model server, and serve is false.`, {
      remedy: 'Remove one of them.',
    });
  }
  const own = {
    promotion,
    ...(retention === undefined ? {} : { retention }),
    ...(stages === undefined ? {} : { rollout: stages }),
    ...(drift === undefined ? {} : { drift }),
  };
  if (data === undefined) return checkPolicy(owner, own);
  const { event: _, toInput, quality, window: declared, ...others } = data;
  checkOptions(`${owner}: data`, data, ['event', 'toInput', ...dataFields]);
  if (typeof toInput !== 'function') {
    throw invalidOption(owner, 'data.toInput', toInput, 'Pass a function from batches to the input of the pipeline.');
  }
  const window: Window | undefined = typeof declared === 'function' ? 'custom' : declared;
  if (window === 'custom' && typeof declared !== 'function') throw noFunction(owner);
  const rest = { ...others, ...(window === undefined ? {} : { window }) };
  // Says what is missing; with it, checkPolicy() looks at all of it.
  if (rest.retrainWhen === undefined) dataPolicy(owner, rest);
  const rules = quality === undefined || isStep(quality) ? {} : { quality };
  return checkPolicy(owner, { ...own, ...rest, ...rules });
}

/** `'custom'` is how the policy says that the function of `model()` decides. */
export function noFunction(owner: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: data.window is 'custom', and there is no function.`, {
    value: 'custom',
    remedy: 'Pass the function as `data.window` in model(), and deploy.',
  });
}

function isStep(value: object): value is QualityStep {
  return (value as { kind?: unknown }).kind === 'step';
}

function notMade(owner: string, field: string, value: unknown, by: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${field} is ${show(value)}.`, {
    remedy: `Pass a value made by ${by}().`,
  });
}

export interface DataOptions
  extends Omit<ModelPolicy, 'promotion' | 'retention' | 'quality' | 'retrainWhen' | 'window'> {
  /** Checks each batch, in the client and on the model's side. */
  readonly event?: Schema;
  /**
   * The pipeline's input for the batches of a training, in the order in which they arrived; `champion` is what an
   * incremental training begins from.
   */
  readonly toInput: (batches: readonly KnownBatch[], from: { readonly champion?: Champion }) => unknown;
  readonly retrainWhen: RetrainWhen;
  /** Which earlier batches are used again; a function chooses among those and the new ones. Default `'new'`: none. */
  readonly window?: Exclude<Window, 'custom'> | WindowFunction;
  /**
   * New batches are compared with the data that the champion was trained on (its candidate's `reference`) before they
   * are trained on: by these rules, or by a step of your own that answers `{ problems }`.
   */
  readonly quality?: QualityRules | QualityStep;
}
