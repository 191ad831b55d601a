import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';

/**
 * A search space as data: parameters by name, a bare value is a constant. `float`, `int` and `categorical` make
 * parameters and refuse those that hold no value.
 */

export type Scalar = string | number | boolean;

/** The parameter exists only in trials in which these have one of the values given. */
export type Condition = Readonly<Record<string, Scalar | readonly Scalar[]>>;

export interface FloatParameter {
  readonly kind: 'float';
  readonly min: number;
  readonly max: number;
  /** Uniform in the logarithm. */
  readonly log?: true;
  /** Only `min`, `min + step` and so on. */
  readonly step?: number;
  readonly when?: Condition;
}

export interface IntParameter {
  readonly kind: 'int';
  readonly min: number;
  /** Included. */
  readonly max: number;
  readonly log?: true;
  readonly step?: number;
  readonly when?: Condition;
}

export interface CategoricalParameter<Value extends Scalar = Scalar> {
  readonly kind: 'categorical';
  readonly values: readonly Value[];
  readonly when?: Condition;
}

export type Parameter = FloatParameter | IntParameter | CategoricalParameter;

export type Space = Readonly<Record<string, Parameter | Scalar>>;

type ValueOf<P> = P extends CategoricalParameter<infer Value> ? Value : P extends Parameter ? number : P;
type WhenOf<P> = P extends { readonly when: infer When } ? When : never;
type Flat<T> = { [K in keyof T]: T[K] };

/** Parameters that conditions name and whose values the compiler knows. */
type Parent<S> = { [K in keyof S]: KnownKey<S, keyof WhenOf<S[K]> & keyof S> }[keyof S];
type KnownKey<S, K extends keyof S> = K extends unknown
  ? string extends ValueOf<S[K]>
    ? never
    : number extends ValueOf<S[K]>
      ? never
      : K
  : never;

/** Any one of a union. */
type OneOf<U> = (U extends unknown ? (of: () => U) => void : never) extends (of: infer F) => void
  ? F extends () => infer One
    ? One
    : never
  : never;
/** One choice for each combination of the parents' values. */
type Choices<S, K extends keyof S, One extends K = OneOf<K> & K> = [K] extends [never]
  ? unknown
  : ValueOf<S[One]> extends infer V
    ? V extends unknown
      ? { readonly [P in One]: V } & Choices<S, Exclude<K, One>>
      : never
    : never;

type All<Answers> = 'no' extends Answers ? 'no' : 'maybe' extends Answers ? 'maybe' : 'yes';
type IsOneOf<V, Wanted> = V extends (Wanted extends readonly (infer One)[] ? One : Wanted) ? 'yes' : 'no';
/** Whether a parameter exists beside the choice. */
type Exists<S, K extends keyof S, Choice> = S[K] extends { readonly when: infer When }
  ? All<
      {
        [P in keyof When]:
          | (P extends keyof S ? Exists<S, P, Choice> : 'maybe')
          | (P extends keyof Choice ? IsOneOf<Choice[P], When[P]> : 'maybe');
      }[keyof When]
    >
  : 'yes';
type KeysThat<S, Choice, Answer> = { [K in keyof S]: Exists<S, K, Choice> extends Answer ? K : never }[keyof S];
type Branch<S, Choice> = Choice extends unknown
  ? Flat<
      {
        readonly [K in KeysThat<S, Choice, 'yes'>]: K extends keyof Choice ? Choice[K] : ValueOf<S[K]>;
      } & {
        readonly [K in KeysThat<S, Choice, 'maybe'>]?: ValueOf<S[K]>;
      } & {
        readonly [K in KeysThat<S, Choice, 'no'>]?: never;
      }
    >
  : never;

/** What a trial of the space gets: a union by the values that conditions name, without the parameters that they leave out. */
export type ParamsOf<S extends Space> = Branch<S, Choices<S, Parent<S>>>;

interface NumberOptions {
  readonly log?: boolean;
  readonly step?: number;
  readonly when?: Condition;
}

type Under<P, O> = O extends { readonly when: infer When } ? Omit<P, 'when'> & { readonly when: When } : P;

/** A number from `min` to `max`, both included. */
export function float<const O extends NumberOptions>(min: number, max: number, options?: O): Under<FloatParameter, O> {
  return bounded('float', min, max, options) as Under<FloatParameter, O>;
}

/** A whole number from `min` to `max`, both included. */
export function int<const O extends NumberOptions>(min: number, max: number, options?: O): Under<IntParameter, O> {
  return bounded('int', min, max, options) as Under<IntParameter, O>;
}

/** One of several values without an order. */
export function categorical<
  const Value extends Scalar,
  const O extends { readonly when?: Condition } = Record<never, never>,
>(values: readonly Value[], options?: O): Under<CategoricalParameter<Value>, O> {
  const owner = `categorical(${show(values)})`;
  checkOptions(owner, options ?? {}, ['when']);
  if (!Array.isArray(values) || values.length === 0) throw invalid(owner, 'there is no value', 'Give at least one.');
  const odd = values.find((value) => !isScalar(value));
  if (odd !== undefined) throw invalid(owner, `${show(odd)} is no value`, 'Use strings, finite numbers and booleans.');
  if (new Set(values).size < values.length) throw invalid(owner, 'a value is there twice', 'Name each once.');
  return { kind: 'categorical', values, ...options } as unknown as Under<CategoricalParameter<Value>, O>;
}

function bounded(kind: 'float' | 'int', min: number, max: number, options: NumberOptions = {}): Parameter {
  const owner = `${kind}(${show(min)}, ${show(max)})`;
  checkOptions(owner, options, ['log', 'step', 'when']);
  const { log, step, when } = options;
  const fits = kind === 'int' ? Number.isSafeInteger : Number.isFinite;
  if (!fits(min) || !fits(max))
    throw invalid(owner, 'a bound is no usable number', 'Use finite, for int whole, numbers.');
  if (min > max) throw invalid(owner, 'min is above max', 'Swap them.');
  if (log === true && min <= 0)
    throw invalid(owner, `there is no logarithm of ${min}`, 'Begin above 0, or leave out log.');
  if (log === true && step !== undefined) throw invalid(owner, 'log and step exclude each other', 'Leave out one.');
  if (step !== undefined && !(fits(step) && step > 0))
    throw invalid(owner, `step is ${show(step)}`, 'Use one above 0.');
  return {
    kind,
    min,
    max,
    ...(log === true ? { log } : {}),
    ...(step === undefined ? {} : { step }),
    ...(when === undefined ? {} : { when }),
  };
}

export function isParameter(part: Parameter | Scalar): part is Parameter {
  return typeof part === 'object';
}

function isScalar(value: unknown): value is Scalar {
  return (
    typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
  );
}

/** Refuses a space in which nothing varies, and conditions that can never hold: USER_OPTION_INVALID with the parameter. */
export function checkSpace(owner: string, space: unknown): asserts space is Space {
  if (typeof space !== 'object' || space === null || Array.isArray(space)) {
    throw invalid(`${owner}: space`, `it is ${show(space)}`, 'Give an object of parameters by name.');
  }
  const before = new Map<string, Parameter | Scalar>();
  for (const [name, part] of Object.entries(space as Record<string, unknown>)) {
    const at = `${owner}: space.${name}`;
    // Objects keep the order of their names but for whole numbers, and the order is the sampler's.
    if (!/^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/.test(name)) {
      throw invalid(at, 'this is no usable name', 'Use letters, digits, "_", "." and "-", beginning with a letter.');
    }
    if (!isScalar(part) && !isMade(part)) {
      throw invalid(at, `it is ${show(part)}`, 'Use float(), int(), categorical(), or a value as a constant.');
    }
    if (isParameter(part)) checkCondition(at, part.when ?? {}, before);
    before.set(name, part);
  }
  if (![...before.values()].some(isParameter)) {
    throw invalid(`${owner}: space`, 'nothing in it varies', 'Give it a float(), an int() or a categorical().');
  }
}

function isMade(part: unknown): part is Parameter {
  const kind = (part as { kind?: unknown } | null)?.kind;
  return kind === 'float' || kind === 'int' || kind === 'categorical';
}

function checkCondition(at: string, when: Condition, before: ReadonlyMap<string, Parameter | Scalar>): void {
  for (const [parent, wanted] of Object.entries(when)) {
    const found = before.get(parent);
    if (found === undefined) {
      const names = [...before.keys()].join(', ') || 'none';
      throw invalid(`${at}: when`, `there is no parameter "${parent}" before it`, `Those before it: ${names}.`);
    }
    if (!isParameter(found) || found.kind === 'float') {
      throw invalid(`${at}: when`, `"${parent}" is no categorical or int`, 'Only those have values to name.');
    }
    const values = [wanted].flat() as Scalar[];
    const odd = values.find((value) => !hasValue(found, value));
    if (values.length === 0 || odd !== undefined) {
      throw invalid(`${at}: when`, `"${parent}" is never ${show(odd ?? [])}`, 'Name values that it can have.');
    }
  }
}

/** Whether the parameter can have the value. */
export function hasValue(parameter: Parameter, value: unknown): boolean {
  if (parameter.kind === 'categorical') return parameter.values.includes(value as Scalar);
  const { kind, min, max } = parameter;
  const step = parameter.step ?? (kind === 'int' ? 1 : undefined);
  if (typeof value !== 'number' || !Number.isFinite(value) || (kind === 'int' && !Number.isInteger(value)))
    return false;
  if (step === undefined) return value >= min && value <= max;
  // Adding steps leaves dust: three of 0.1 are a little more than 0.3.
  const steps = (value - min) / step;
  return Math.abs(steps - Math.round(steps)) < 1e-6 && steps > -0.5 && steps < (max - min) / step + 1e-6;
}

/** Whether a parameter exists beside these values. */
export function applies({ when = {} }: Parameter, params: Params): boolean {
  return Object.entries(when).every(([parent, wanted]) => [wanted].flat().includes(params[parent] as Scalar));
}

/** Values by name in the space's order; `draw` is asked for each parameter that exists beside those before it. */
export function drawAll(space: Space, draw: (name: string, parameter: Parameter) => Scalar): Params {
  const params: Record<string, Scalar> = {};
  for (const [name, part] of Object.entries(space)) {
    if (!isParameter(part)) params[name] = part;
    else if (applies(part, params)) params[name] = draw(name, part);
  }
  return params;
}

/** Refuses values that are no point of the space: USER_OPTION_INVALID with the parameter. */
export function checkParams(owner: string, space: Space, params: Readonly<Record<string, unknown>>): Params {
  const point = drawAll(space, (name, parameter) => {
    const value = params[name];
    if (hasValue(parameter, value)) return value as Scalar;
    throw invalid(`${owner}: ${name}`, `it is ${show(value)}`, 'Give each parameter a value that the space has.');
  });
  const odd = Object.keys(params).find((name) => params[name] !== point[name]);
  if (odd === undefined) return point;
  throw invalid(`${owner}: ${odd}`, 'there is no such parameter beside the others', 'Leave it out.');
}

export function invalid(owner: string, what: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what}.`, { value: owner, remedy });
}

export type Params = Readonly<Record<string, string | number | boolean | null>>;
