import type { PipelineDefinition } from '../definitions.js';
import type { Batch } from '../model/batch.js';
import type { ModelDefinition } from '../model/model.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import type { Pipeline } from '../pipeline.js';
import { checkPriority, type Priority } from '../priority.js';
import type { Encoded, Schema } from '../schema.js';
import type { Asset, AssetDefinition } from './asset.js';
import type { RuleSettings } from './messages.js';

/** A publication as `toInput` is given it. */
export interface Published<S extends Schema | undefined = undefined> {
  /** Of the step, as the asset's `output` says; `undefined` where it was more than 4 KB of JSON. */
  readonly output: Encoded<S>;
  readonly at: Date;
  /** Empty where the asset is not cut. */
  readonly partition: string;
  /** Of the run that published it. */
  readonly logicalDate?: Date;
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
}

export type Assets = readonly AssetDefinition[];
type OutputOf<A> = A extends Asset<infer S> ? S : undefined;

/** Which news start a run. */
export interface NewsOf<A extends Assets, On extends 'all' | 'any'> {
  readonly on: On;
  readonly assets: A;
}

/** Each of the assets has been published since the last run began. */
export function allNew<const A extends Assets>(assets: A): NewsOf<A, 'all'> {
  return { on: 'all', assets };
}

/** One of the assets has. */
export function anyNew<const A extends Assets>(assets: A): NewsOf<A, 'any'> {
  return { on: 'any', assets };
}

/** The newest publication of each asset, in the order in which the rule has them; with `anyNew` some may be unknown. */
type NewestOf<A extends Assets, On> = {
  readonly [K in keyof A]: Published<OutputOf<A[K]>> | (On extends 'any' ? undefined : never);
};

interface CommonOptions {
  /** Default: the pipeline's name. */
  readonly name?: string;
  readonly description?: string;
  /** `same`: a run for each partition of which the news are. All assets must be cut the same way. */
  readonly partitioned?: 'same';
  /** Runs at once where `partitioned`, of different partitions; default 4. Else runs come one after the other. */
  readonly atMost?: number;
  /** A publication with the same output as the one before it is no news. */
  readonly onlyChanged?: boolean;
  /** Of its runs; default 0. A whole number. */
  readonly seed?: number;
  /** As of a run: 1 first, 5 last. */
  readonly priority?: Priority;
}

export interface RuleOptions<I extends Schema | undefined, A extends Assets, On> extends CommonOptions {
  /** Called on a worker. What it throws is told to people, and no run is started on this news. */
  readonly toInput: (newest: NewestOf<A, On>, where: { readonly partition: string }) => Encoded<I>;
}

export interface ModelRuleOptions<A extends Assets, On> extends Omit<CommonOptions, 'atMost' | 'seed' | 'priority'> {
  /**
   * The batch that the news are for the model; its id is the rule's. Called on a worker. What it throws is told to people,
   * and the model is not told of this news.
   */
  readonly toBatch: (newest: NewestOf<A, On>, where: { readonly partition: string }) => Omit<Batch, 'id'>;
}

/** A rule as data. It is declared only: `evertrain schedules apply` makes the engine keep it. */
export interface AssetRule {
  readonly kind: 'asset-rule';
  readonly name: string;
  readonly pipeline: PipelineDefinition;
  /** Whose pipeline it is, where the news are data of a model. */
  readonly model?: ModelDefinition;
  readonly assets: Assets;
  readonly settings: RuleSettings;
  /** Of a model: to its batch. */
  readonly toInput: ((newest: never, where: { readonly partition: string }) => unknown) | undefined;
}

const common = ['name', 'description', 'partitioned', 'onlyChanged'] as const;
const mostAssets = 20;

/**
 * Declares that a run of a pipeline begins when assets have been published; name it in `project({ rules })`. While a run is
 * open, news wait, and start one more after its end, with the newest of each asset. A model that declares `data` is told of
 * the news as a batch, and trains on it as its policy says.
 */
export function onAssets<I extends Schema | undefined, Output, const A extends Assets, On extends 'all' | 'any'>(
  pipeline: Pipeline<I, Output>,
  news: NewsOf<A, On>,
  ...options: I extends Schema ? [options: RuleOptions<I, A, On>] : [options?: CommonOptions]
): AssetRule;
export function onAssets<const A extends Assets, On extends 'all' | 'any'>(
  model: ModelDefinition,
  news: NewsOf<A, On>,
  options: ModelRuleOptions<A, On>,
): AssetRule;
export function onAssets(
  target: PipelineDefinition | ModelDefinition,
  news: NewsOf<Assets, 'all' | 'any'>,
  options: AnyOptions = {},
): AssetRule {
  const { pipeline, ofModel } = targetOf(target);
  const { name = target.name } = options;
  checkName('rule', name);
  const owner = `onAssets "${name}"`;
  checkOptions(
    owner,
    options,
    ofModel === undefined ? [...common, 'toInput', 'atMost', 'seed', 'priority'] : [...common, 'toBatch'],
  );
  const [option, toInput] = ofModel === undefined ? ['toInput', options.toInput] : ['toBatch', options.toBatch];
  if (toInput !== undefined && typeof toInput !== 'function') {
    throw invalidOption(
      owner,
      option,
      toInput,
      `Pass a function that answers ${ofModel === undefined ? 'the input of the pipeline' : 'a batch'}.`,
    );
  }
  if (toInput === undefined && ofModel !== undefined) {
    throw invalidOption(owner, option, toInput, `Say which data the news are for model "${target.name}".`);
  }
  if (toInput === undefined && pipeline.input !== undefined) {
    throw invalidOption(owner, option, toInput, `Pipeline "${pipeline.name}" has an input: say how it follows.`);
  }
  const settings = {
    rule: name,
    pipeline: pipeline.name,
    ...(ofModel === undefined ? {} : { model: ofModel.model.name }),
    ...newsOf(owner, news),
    ...policyOf(owner, news, options),
  };
  return { kind: 'asset-rule', name, pipeline, ...ofModel, assets: news.assets, settings, toInput };
}

type ToInput = AssetRule['toInput'];
type AnyOptions = CommonOptions & { readonly toInput?: ToInput; readonly toBatch?: ToInput };

function targetOf(target: PipelineDefinition | ModelDefinition) {
  if (target?.kind === 'model' && target.data !== undefined) {
    return { pipeline: target.pipeline, ofModel: { model: target } };
  }
  if (target?.kind === 'pipeline') return { pipeline: target, ofModel: undefined };
  throw invalidOption('onAssets', 'the target', target, 'Pass what pipeline() makes, or model() with `data`.');
}

function newsOf(owner: string, news: NewsOf<Assets, 'all' | 'any'>): Pick<RuleSettings, 'on' | 'assets'> {
  const { on, assets } = (news ?? {}) as Partial<NewsOf<Assets, 'all' | 'any'>>;
  if ((on !== 'all' && on !== 'any') || !Array.isArray(assets) || assets.length === 0 || assets.length > mostAssets) {
    throw invalidOption(owner, 'the news', news, `Use allNew([…]) or anyNew([…]) with 1 to ${mostAssets} assets.`);
  }
  const names = assets.map((one: Partial<AssetDefinition> | undefined) => {
    if (one?.kind !== 'asset') throw invalidOption(owner, 'one of the assets', one, 'Pass values made by asset().');
    return String(one.name);
  });
  const twice = names.find((name, n) => names.indexOf(name) < n);
  if (twice !== undefined) throw invalidOption(owner, 'an asset that is named twice', twice, 'Name it once.');
  return { on, assets: names };
}

type PolicyFields = 'description' | 'isPartitioned' | 'onlyChanged' | 'atMost' | 'seed' | 'priority';

function policyOf(owner: string, { assets }: { readonly assets: Assets }, options: CommonOptions) {
  const { description, partitioned, atMost, onlyChanged = false, seed, priority } = options;
  if (partitioned !== undefined && partitioned !== 'same') {
    throw invalidOption(owner, 'partitioned', partitioned, "Use 'same', or leave it out.");
  }
  const [first] = assets;
  const cut = first?.rules.partitions;
  const other = assets.find(({ rules }) => rules.partitions !== cut);
  if (partitioned !== undefined && (cut === undefined || other !== undefined)) {
    const kinds = assets.map(({ name, rules }) => `${name}: ${rules.partitions ?? 'not cut'}`).join(', ');
    throw invalidOption(owner, 'partitioned', partitioned, `All assets must be cut the same way; they are ${kinds}.`);
  }
  if (atMost !== undefined && (partitioned === undefined || !Number.isInteger(atMost) || atMost < 1 || atMost > 100)) {
    throw invalidOption(owner, 'atMost', atMost, "Use a whole number from 1 to 100, beside `partitioned: 'same'`.");
  }
  if (typeof onlyChanged !== 'boolean') throw invalidOption(owner, 'onlyChanged', onlyChanged, 'Use true or false.');
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw invalidOption(owner, 'seed', seed, 'Use a whole number.');
  if (priority !== undefined) checkPriority(owner, priority);
  return {
    ...(description === undefined ? {} : { description }),
    ...(partitioned === undefined ? {} : { isPartitioned: true as const }),
    ...(onlyChanged ? { onlyChanged: true as const } : {}),
    atMost: partitioned === undefined ? 1 : (atMost ?? 4),
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
  } satisfies Pick<RuleSettings, PolicyFields>;
}
