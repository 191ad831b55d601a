import { type Artifact, isArtifact } from '../artifact.js';
import { awaitable } from '../awaitable.js';
import type { StepDefinition } from '../definitions.js';
import { show } from '../errors.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import type { Pipeline } from '../pipeline.js';
import { policyIn } from '../policy.js';
import { builtIn, defaultQueue } from '../protocol.js';
import { currentPath, currentScope, nextId, type RunScope } from '../run-scope.js';
import type { Encoded, Schema } from '../schema.js';
import type { Step } from '../step.js';
import type { BudgetOptions } from './budget-guard.js';
import { conductStudy, type Study } from './conduct-study.js';
import { callsOf, resolvePlan } from './resolve-plan.js';
import type { Sampler } from './samplers.js';
import type { MedianStopOptions, SchedulerOptions } from './scheduler.js';
import type { ParamsOf, Space } from './space.js';
import type { KnownStudy, KnownTrial, StudyPlan } from './study-plan.js';
import { callOf, executionOf, inStudyRun, type TrialTarget } from './study-run.js';

type Rule = SchedulerOptions | MedianStopOptions | undefined;

export interface SearchOptions<S extends Space, Metric extends string = string, R extends Rule = Rule> {
  /** What varies, and constants. */
  readonly space: S;
  /** How many trials; at most 5,000, with a function as the trial 500. A grid may have fewer points. */
  readonly trials: number;
  /** Most calls of trials at work at once. Default 1. */
  readonly atMost?: number;
  /** Fields of the trial's output, numbers; one of these two, or both for several objectives. */
  readonly maximize?: Metric | readonly Metric[];
  readonly minimize?: Metric | readonly Metric[];
  /** Default `random()`. */
  readonly sampler?: Sampler;
  /** Gives trials a `budget` in stages, or stops them at work. Without one each is called once, without a budget. */
  readonly scheduler?: R;
  readonly budget?: BudgetOptions;
  /** Of the sampler, from 0 to 2³² − 1; default: the run's. */
  readonly seed?: number;
  /** Parameters to try first. */
  readonly guesses?: readonly ParamsOf<S>[];
  /** What an earlier study found, for samplers that learn: its result, or its artifact. */
  readonly warmStart?: Artifact | (Pick<Study, 'trials'> & Partial<Pick<Study, 'objectives'>>);
  /** Share of the trials that may fail, from 0 to 1, before the study does. Default 0.2. */
  readonly tolerate?: number;
  /** What the study and its trials are shown under. Default `search`. */
  readonly name?: string;
}

/** Of an output without a schema any name may be one. */
type NumberField<O> = unknown extends O
  ? string
  : { [K in keyof O]: O[K] extends number ? K : never }[keyof O] & string;
type KeyOf<T> = T extends unknown ? keyof T : never;
type Without<T, K extends string> = T extends unknown ? Omit<T, K> : never;

/** What a trial gets beside its parameters: a budget, none, or either where the scheduler is chosen at run time. */
type Given<R extends Rule> = [R] extends [SchedulerOptions]
  ? { readonly budget: number }
  : [Extract<R, SchedulerOptions>] extends [never]
    ? unknown
    : { readonly budget?: number };
/** A budget may be bound where no scheduler gives one. */
type Bound<Input, R extends Rule> = [R] extends [SchedulerOptions]
  ? Without<Input, 'params' | 'budget'>
  : [Extract<R, SchedulerOptions>] extends [never]
    ? Without<Input, 'params'>
    : Without<Input, 'params' | 'budget'> & Partial<Pick<Input, 'budget' & keyof Input>>;
type With<Input, R extends Rule> =
  Record<never, never> extends Bound<Input, R>
    ? { readonly with?: Bound<Input, R> }
    : { readonly with: Bound<Input, R> };
/** Says in the compiler's words what the trial does not take of what it is given. */
type Takes<Input, P, R extends Rule> = Input extends { params: infer Q }
  ? [P] extends [Q]
    ? [unknown extends Q ? never : Exclude<KeyOf<P>, KeyOf<Q>>] extends [never]
      ? TakesBudget<Input, R>
      : { readonly 'the input has no such params': Exclude<KeyOf<P>, KeyOf<Q>> }
    : { readonly 'the input has other params': Q }
  : { readonly 'the input has no field "params"': Input };
type TakesBudget<Input, R extends Rule> = [R] extends [SchedulerOptions]
  ? 'budget' extends KeyOf<Input>
    ? unknown
    : { readonly 'the input has no field "budget"': Input }
  : unknown;

interface Search {
  /** Tries a step with parameters of a space: its input has `params` (and `budget`, where the scheduler gives one). */
  <const S extends Space, I extends Schema, O extends Schema | undefined, R extends Rule = undefined>(
    options: SearchOptions<S, NumberField<Encoded<O>>, R> &
      With<Encoded<I>, R> & { readonly trial: Step<I, O> & Takes<Encoded<I>, ParamsOf<S>, R> },
  ): Promise<Study<ParamsOf<S>, Encoded<O>>>;
  /** The same with a pipeline, each trial a child run; a trial that a gate rejects has failed. */
  <const S extends Space, I extends Schema, Output, R extends Rule = undefined>(
    options: SearchOptions<S, NumberField<Output>, R> &
      With<Encoded<I>, R> & { readonly trial: Pipeline<I, Output> & Takes<Encoded<I>, ParamsOf<S>, R> },
  ): Promise<Study<ParamsOf<S>, Output>>;
  /** The same with a function of the parameters, for at most 500 trials. */
  <const S extends Space, Output, R extends Rule = undefined>(
    options: SearchOptions<S, NumberField<NoInfer<Output>>, R> & {
      readonly trial: ((input: { readonly params: ParamsOf<S> } & Given<R>) => Promise<Output>) & {
        readonly kind?: never;
      };
    },
  ): Promise<Study<ParamsOf<S>, Output>>;
}

/** Above, a study is a run of its own, which continues as new when its history is full. */
const mostTrialsHere = 500;
const mostCallsHere = 1_000;
const mostTrials = 5_000;
const mostCalls = 20_000;

const fields = [
  ...['space', 'trials', 'atMost', 'maximize', 'minimize', 'sampler', 'scheduler', 'budget', 'seed', 'guesses'],
  ...['warmStart', 'tolerate', 'name', 'trial', 'with'],
];

/**
 * Looks for the parameters with which a trial is best: a hyper-parameter study. It is the run's own state, so nothing of
 * it is lost when a worker or the engine dies; trials that a scheduler pauses go on from their checkpoints.
 */
export const search = ((options: AnyOptions) => awaitable(searchNow(options))) as unknown as Search;

type AnyOptions = SearchOptions<Space> & { readonly trial: TrialTarget; readonly with?: object };

async function searchNow(options: AnyOptions): Promise<Study> {
  const name = options?.name ?? 'search';
  const owner = `search ${show(name)}`;
  checkOptions(owner, options, fields);
  checkName('search: name', name);
  checkTrial(owner, options);
  const { trial } = options;
  const scope = currentScope(owner);
  const at = currentPath();
  const plan = resolvePlan(owner, nextId(scope, at, name), options, {
    queue: queueOf(scope, trial),
    input: trial.kind === undefined ? undefined : (trial as unknown as StepDefinition).input,
    output: trial.kind === 'step' ? (trial as unknown as StepDefinition).output : undefined,
    seed: (scope.options.seed ?? 0) >>> 0,
    warmStart: await knownStudy(scope, options.warmStart),
  });
  checkCalls(owner, plan, trial);
  if (isLarge(plan)) return inStudyRun(scope, at, plan, trial, options.with);
  const call = callOf(trial, options.with);
  return (await conductStudy({ plan, scope, at, call, ...executionOf(plan.study) })) as Study;
}

function checkTrial(owner: string, { trial, trials, with: bound, scheduler }: AnyOptions): void {
  if (typeof trial !== 'function') throw invalidOption(owner, 'trial', trial, 'Pass a step, a pipeline or a function.');
  const isFunction = trial.kind === undefined;
  if (isFunction && bound !== undefined) throw invalidOption(owner, 'with', bound, 'A function has what it needs.');
  if (bound !== undefined && 'budget' in bound && scheduler !== undefined && scheduler.kind !== 'median-stop') {
    throw invalidOption(owner, 'with', { budget: bound.budget }, `The budget is what ${scheduler.kind} gives.`);
  }
  if (trial.kind === 'pipeline' && scheduler?.kind === 'median-stop') {
    throw invalidOption(
      owner,
      'scheduler',
      scheduler.kind,
      'It hears the metrics of steps: pass a step or a function as the trial.',
    );
  }
  const most = isFunction ? mostTrialsHere : mostTrials;
  if (Number.isInteger(trials) && trials >= 1 && trials <= most) return;
  throw invalidOption(
    owner,
    'trials',
    trials,
    `Use a whole number from 1 to ${most}${isFunction ? '; a step takes more' : ''}.`,
  );
}

/** A population calls its trials again and again. */
function checkCalls(owner: string, plan: StudyPlan, trial: TrialTarget): void {
  const calls = callsOf(plan);
  if (calls <= mostCalls && (trial.kind !== undefined || !isLarge(plan))) return;
  const [most, which] = trial.kind === undefined ? [mostCallsHere, 'a function'] : [mostCalls, 'a study'];
  const remedy = `They are ${calls} calls of trials, and ${which} may have ${most}: use a longer interval.`;
  throw invalidOption(owner, 'scheduler', plan.scheduler?.kind, remedy);
}

function isLarge(plan: StudyPlan): boolean {
  return plan.trials > mostTrialsHere || callsOf(plan) > mostCallsHere;
}

function queueOf({ pipeline }: RunScope, trial: TrialTarget): string {
  const own = trial.kind === 'step' ? (trial as unknown as StepDefinition).policy : {};
  return policyIn(pipeline.defaults, own).queue ?? defaultQueue;
}

async function knownStudy(
  scope: RunScope,
  warmStart: SearchOptions<Space>['warmStart'],
): Promise<KnownStudy | undefined> {
  if (warmStart === undefined) return undefined;
  if (isArtifact(warmStart)) {
    const answer = await scope.host.builtIn(builtIn.knownTrials, warmStart, 'trials of an earlier study');
    // Histories of an earlier time have the trials alone.
    return Array.isArray(answer) ? { trials: answer as KnownTrial[] } : (answer as KnownStudy);
  }
  const { objectives, trials } = warmStart;
  const known = trials.flatMap(({ params, values, state }) =>
    state === 'completed' && values !== undefined ? [{ params, values }] : [],
  );
  return { ...(objectives === undefined ? {} : { objectives }), trials: known };
}
