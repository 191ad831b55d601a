import type { PipelineDefinition } from '../definitions.js';
import { EvertrainError, show } from '../errors.js';
import type { Batch } from '../model/batch.js';
import type { ModelDefinition } from '../model/model.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import type { PipelineInput } from '../pipeline.js';
import type { ObjectFacts } from '../sensors/condition.js';
import type { SignalDefinition, SignalPayload } from '../signal.js';
import type { EventSource, SourceData, SourceEvent } from './source.js';

interface CommonOptions<T> {
  /** Of the rule; default: its target's name. Unique in the project. */
  readonly name?: string;
  /** What an event has its effect once for, in place of its own id: 1 to 200 characters. */
  readonly id?: (event: SourceEvent<T>) => string;
}

export interface RunRuleOptions<T, P extends PipelineDefinition> extends CommonOptions<T> {
  /** Of the run that the event starts. Default: what the event says. */
  readonly toInput?: (event: SourceEvent<T>) => PipelineInput<P>;
}

export interface BatchRuleOptions<T> extends CommonOptions<T> {
  /** The batch that the event tells of; its id is the event's. Default: what the event says. */
  readonly toBatch?: (event: SourceEvent<T>) => Omit<Batch, 'id'>;
}

export interface BatchesRuleOptions<T> extends BatchRuleOptions<T> {
  /** The name of the model, among those given, that the event is for. */
  readonly model: (event: SourceEvent<T>) => string;
}

export interface SignalRuleOptions<T, S extends SignalDefinition> extends CommonOptions<T> {
  /** The id of the run that the event is for; it must be open. */
  readonly run: (event: SourceEvent<T>) => string;
  /** Default: what the event says. */
  readonly toPayload?: (event: SourceEvent<T>) => SignalPayload<S>;
}

/** What an event does. */
export type RuleTarget =
  | { readonly kind: 'run'; readonly pipeline: PipelineDefinition; readonly toInput: (event: SourceEvent) => unknown }
  | {
      readonly kind: 'batch';
      readonly models: ReadonlyMap<string, ModelDefinition>;
      readonly model: (event: SourceEvent) => string;
      readonly toBatch: (event: SourceEvent) => Omit<Batch, 'id'>;
    }
  | {
      readonly kind: 'signal';
      readonly signal: SignalDefinition;
      readonly run: (event: SourceEvent) => string;
      readonly toPayload: (event: SourceEvent) => unknown;
    };

/** A rule as data and functions. `evertrain events` acts by those that the project in its folder declares. */
export interface EventRule {
  readonly kind: 'event-rule';
  readonly name: string;
  readonly source: SourceData;
  readonly target: RuleTarget;
  readonly id?: (event: SourceEvent) => string;
}

/**
 * Declares what events of a source do: start a run of a pipeline, tell a model of data, or signal a run. Name it in
 * `project({ events })`. Each event has its effect once, however often it is told, as long as the engine or the model
 * remembers it: see docs/events.md.
 */
export function on<T, P extends PipelineDefinition>(
  source: EventSource<T>,
  pipeline: P,
  options?: RunRuleOptions<T, P>,
): EventRule;
export function on<T>(source: EventSource<T>, model: ModelDefinition, options?: BatchRuleOptions<T>): EventRule;
export function on<T>(
  source: EventSource<T>,
  models: readonly ModelDefinition[],
  options: BatchesRuleOptions<T>,
): EventRule;
export function on<T, S extends SignalDefinition>(
  source: EventSource<T>,
  signal: S,
  options: SignalRuleOptions<T, S>,
): EventRule;
export function on(source: EventSource, target: Target, options: AnyOptions = {}): EventRule {
  if (!['webhook', 'object', 'kafka', 'postgres'].includes(source?.kind)) {
    throw new EvertrainError('USER_OPTION_INVALID', `on: ${show(source)} is no source of events.`, {
      value: source,
      remedy: 'Pass what webhook(), objectCreated(), kafkaTopic() or postgresNotify() makes.',
    });
  }
  const made = targetOf(source, target, options);
  const { name = nameOf(target), id } = options;
  const owner = `on, rule ${show(name)}`;
  checkName('on', name);
  checkOptions(owner, options, ['name', 'id', ...made.optionNames]);
  for (const [option, value] of Object.entries(options)) {
    if (option === 'name' || typeof value === 'function') continue;
    throw invalidOption(owner, option, value, 'Pass a function of the event.');
  }
  return { kind: 'event-rule', name, source, target: made.target, ...(id === undefined ? {} : { id }) };
}

type Target = PipelineDefinition | ModelDefinition | readonly ModelDefinition[] | SignalDefinition;

/** Methods, which take an event of any source. */
interface AnyOptions {
  readonly name?: string;
  id?(this: void, event: SourceEvent): string;
  toInput?(this: void, event: SourceEvent): unknown;
  toBatch?(this: void, event: SourceEvent): Omit<Batch, 'id'>;
  toPayload?(this: void, event: SourceEvent): unknown;
  model?(this: void, event: SourceEvent): string;
  run?(this: void, event: SourceEvent): string;
}

interface Made {
  readonly target: RuleTarget;
  readonly optionNames: readonly string[];
}

function targetOf({ kind }: SourceData, target: Target, options: AnyOptions): Made {
  const { toInput, toBatch, toPayload, run, model } = options;
  if (isList(target) || target?.kind === 'model') {
    const models = new Map((isList(target) ? target : [target]).map((one) => [one.name, one]));
    const fed = [...models.values()].every((one) => one.kind === 'model' && one.data !== undefined);
    if (!fed || models.size === 0 || (isList(target) && model === undefined)) throw noTarget(target);
    const [first = ''] = models.keys();
    const whole = kind === 'object' ? ofObject : asSaid;
    return {
      target: { kind: 'batch', models, model: model ?? (() => first), toBatch: toBatch ?? whole },
      optionNames: isList(target) ? ['toBatch', 'model'] : ['toBatch'],
    };
  }
  if (target?.kind === 'pipeline') {
    return { target: { kind: 'run', pipeline: target, toInput: toInput ?? asSaid }, optionNames: ['toInput'] };
  }
  if (target?.kind !== 'signal' || run === undefined) throw noTarget(target);
  return {
    target: { kind: 'signal', signal: target, run, toPayload: toPayload ?? asSaid },
    optionNames: ['run', 'toPayload'],
  };
}

function isList(target: Target): target is readonly ModelDefinition[] {
  return Array.isArray(target);
}

function nameOf(target: Target): string {
  return isList(target) ? (target[0]?.name ?? '') : target.name;
}

function asSaid({ data }: SourceEvent): never {
  return data as never;
}

function ofObject({ data, at }: SourceEvent): Omit<Batch, 'id'> {
  return { uri: (data as ObjectFacts).uri, rows: 0, ...(at === undefined ? {} : { at }) };
}

function noTarget(target: unknown): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `on: ${show(target)} cannot be the target of a rule.`, {
    remedy:
      'Pass a pipeline; a model that declares `data`; several of them with `model`, which chooses one; or a signal, with `run`.',
  });
}
