import { type Artifact, isArtifact } from '../artifact.js';
import { awaitable } from '../awaitable.js';
import { show } from '../errors.js';
import { checkName, checkOptions } from '../options.js';
import type { Pipeline } from '../pipeline.js';
import { builtIn, defaultQueue } from '../protocol.js';
import { currentPath, currentScope, nextId, type RunScope } from '../run-scope.js';
import type { Encoded, Schema } from '../schema.js';
import type { Step, StepDefinition } from '../step.js';
import type { BudgetOptions } from './budget-guard.js';
import { conductStudy, type Study } from './conduct-study.js';
import { bad, resolvePlan } from './resolve-plan.js';
import type { Sampler } from './samplers.js';
import type { MedianStopOptions, SchedulerOptions } from './scheduler.js';
import type { ParamsOf, Space } from './space.js';
import type { KnownTrial } from './study-plan.js';
import { callOf, executionOf, inStudyRun, type TrialTarget } from './study-run.js';

export interface SearchOptions<S extends Space, Metric extends string = string> {
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
  readonly scheduler?: SchedulerOptions | MedianStopOptions;
  readonly budget?: BudgetOptions;
  /** Whole number; default 0. */
  readonly seed?: number;
  /** Parameters to try first. */
  readonly guesses?: readonly ParamsOf<S>[];
  /** What an earlier study found, for samplers that learn: its result, or its artifact. */
  readonly warmStart?: Artifact | { readonly trials: Study['trials'] };
  /** Share of the trials that may fail, from 0 to 1, before the study does. Default 0.2. */
  readonly tolerate?: number;
  /** What the study and its trials are shown under. Default `search`. */
  readonly name?: string;
}

type NumberField<O> = { [K in keyof O]: O[K] extends number ? K : never }[keyof O] & string;
/** A budget may be bound where no scheduler gives one. */
type Bound<Input> = Omit<Input, 'params' | 'budget'> & Partial<Pick<Input, 'budget' & keyof Input>>;
type With<Input> =
  Record<never, never> extends Bound<Input> ? { readonly with?: Bound<Input> } : { readonly with: Bound<Input> };
/** Says in the compiler's words which parameters the trial takes where the space does not give them. */
type Takes<Input, P> = Input extends { params: infer Q }
  ? P extends Q
    ? unknown
    : { readonly 'the input has other params': Q }
  : { readonly 'the input has no field "params"': Input };

interface Search {
  /** Tries a step with parameters of a space: its input has `params` (and `budget`, where the scheduler gives one). */
  <const S extends Space, I extends Schema, O extends Schema | undefined>(
    options: SearchOptions<S, NumberField<Encoded<O>>> &
      With<Encoded<I>> & { readonly trial: Step<I, O> & Takes<Encoded<I>, ParamsOf<S>> },
  ): Promise<Study<ParamsOf<S>, Encoded<O>>>;
  /** The same with a pipeline, each trial a child run; a trial that a gate rejects has failed. */
  <const S extends Space, I extends Schema, Output>(
    options: SearchOptions<S, NumberField<Output>> &
      With<Encoded<I>> & { readonly trial: Pipeline<I, Output> & Takes<Encoded<I>, ParamsOf<S>> },
  ): Promise<Study<ParamsOf<S>, Output>>;
  /** The same with a function of the parameters, for at most 500 trials. */
  <const S extends Space, Output>(
    options: SearchOptions<S, NumberField<NoInfer<Output>>> & {
      readonly trial: (input: { readonly params: ParamsOf<S>; readonly budget: number }) => Promise<Output>;
    },
  ): Promise<Study<ParamsOf<S>, Output>>;
}

/** Above, a study is a run of its own, which continues as new when its history is full. */
const mostTrialsHere = 500;
const mostTrials = 5_000;

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
    output: trial.kind === 'step' ? (trial as unknown as StepDefinition).output : undefined,
    warmStart: await knownTrials(scope, options.warmStart),
  });
  if (plan.trials > mostTrialsHere) return inStudyRun(scope, at, plan, trial, options.with);
  const call = callOf(trial, options.with);
  return (await conductStudy({ plan, scope, at, call, ...executionOf(plan.study) })) as Study;
}

function checkTrial(owner: string, { trial, trials, with: bound, scheduler }: AnyOptions): void {
  if (typeof trial !== 'function') throw bad(owner, 'trial', trial, 'Pass a step, a pipeline or a function.');
  const isFunction = trial.kind === undefined;
  if (isFunction && bound !== undefined) throw bad(owner, 'with', bound, 'A function has what it needs.');
  if (trial.kind === 'pipeline' && scheduler?.kind === 'median-stop') {
    throw bad(
      owner,
      'scheduler',
      scheduler.kind,
      'It hears the metrics of steps: pass a step or a function as the trial.',
    );
  }
  const most = isFunction ? mostTrialsHere : mostTrials;
  if (Number.isInteger(trials) && trials >= 1 && trials <= most) return;
  throw bad(owner, 'trials', trials, `Use a whole number from 1 to ${most}${isFunction ? '; a step takes more' : ''}.`);
}

function queueOf({ pipeline }: RunScope, trial: TrialTarget): string {
  const own = trial.kind === 'step' ? (trial as unknown as StepDefinition).policy.queue : undefined;
  return own ?? pipeline.defaults.queue ?? defaultQueue;
}

async function knownTrials(
  scope: RunScope,
  warmStart: SearchOptions<Space>['warmStart'],
): Promise<readonly KnownTrial[] | undefined> {
  if (warmStart === undefined) return undefined;
  if (isArtifact(warmStart)) {
    return (await scope.host.builtIn(builtIn.knownTrials, warmStart, 'trials of an earlier study')) as KnownTrial[];
  }
  return warmStart.trials.flatMap(({ params, values, state }) =>
    state === 'completed' && values !== undefined ? [{ params, values }] : [],
  );
}
