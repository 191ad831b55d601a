import { invalidOption } from '../options.js';
import type { Schema } from '../schema.js';
import { type BudgetOptions, resolveBudget } from './budget-guard.js';
import { gridSize } from './point-samplers.js';
import { checkSampler, random, type Sampler } from './samplers.js';
import type { MedianStopOptions, SchedulerOptions } from './scheduler.js';
import { openStopper } from './schedulers/median-stop.js';
import { openScheduler } from './schedulers/open-scheduler.js';
import { checkParams, checkSpace, type Space } from './space.js';
import type { KnownStudy, KnownTrial, StudyPlan } from './study-plan.js';
import type { Objective } from './study-record.js';

interface Options {
  readonly space: Space;
  readonly trials: number;
  readonly atMost?: number;
  readonly maximize?: string | readonly string[];
  readonly minimize?: string | readonly string[];
  readonly sampler?: Sampler;
  readonly scheduler?: SchedulerOptions | MedianStopOptions | undefined;
  readonly budget?: BudgetOptions;
  readonly seed?: number;
  readonly guesses?: readonly object[];
  readonly tolerate?: number;
}

interface Surroundings {
  /** Of the trial. */
  readonly queue: string;
  /** Of the trial, where it has schemas. */
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  readonly warmStart: KnownStudy | undefined;
  /** Of the run. */
  readonly seed: number;
}

/** Checks what `search` was asked for, before anything is called; USER_OPTION_INVALID with the option. */
export function resolvePlan(owner: string, study: string, options: Options, around: Surroundings): StudyPlan {
  const {
    space,
    atMost = 1,
    sampler = random(),
    scheduler,
    budget,
    seed = around.seed,
    guesses = [],
    tolerate = 0.2,
  } = options;
  checkSpace(owner, space);
  if (!Number.isInteger(atMost) || atMost < 1)
    throw invalidOption(owner, 'atMost', atMost, 'Use a whole number from 1.');
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw invalidOption(owner, 'seed', seed, 'Use a whole number from 0 to 4,294,967,295.');
  }
  if (!(tolerate >= 0 && tolerate <= 1)) throw invalidOption(owner, 'tolerate', tolerate, 'Use a share from 0 to 1.');
  const objectives = objectivesOf(owner, options, around.output);
  checkSampler(owner, sampler, objectives);
  const known = guesses.map((guess, i) => checkParams(`${owner}: guesses[${i}]`, space, { ...guess }));
  const trials = Math.min(
    options.trials,
    sampler.kind === 'grid' ? known.length + gridSize(owner, space, sampler.points) : Infinity,
  );
  const isStopper = scheduler?.kind === 'median-stop';
  if (scheduler !== undefined && objectives.length > 1) {
    throw invalidOption(owner, 'scheduler', scheduler.kind, 'It compares trials by one objective; name one.');
  }
  if (scheduler !== undefined) {
    // Makes sure that they are what their makers return.
    if (isStopper) openStopper(scheduler);
    else openScheduler(scheduler, trials);
  }
  if (scheduler !== undefined && !isStopper && fieldsOf(around.input)?.includes('budget') === false) {
    throw invalidOption(
      owner,
      'scheduler',
      scheduler.kind,
      'It gives a `budget`, a field that the trial’s input does not have.',
    );
  }
  if (known.length > trials)
    throw invalidOption(owner, 'guesses', guesses, `There are ${known.length} for ${trials} trials.`);
  if (isStopper && trials > 500)
    throw invalidOption(owner, 'trials', trials, 'medianStop() takes at most 500: use asha().');
  return {
    study,
    space,
    trials,
    atMost,
    objectives,
    sampler,
    ...(scheduler === undefined ? {} : isStopper ? { stop: scheduler } : { scheduler }),
    ...(budget === undefined ? {} : { budget: resolveBudget(owner, budget, around.queue) }),
    seed,
    guesses: known,
    warmStart: warmTrials(owner, space, objectives, around.warmStart),
    tolerate,
  };
}

function objectivesOf(
  owner: string,
  { maximize, minimize }: Options,
  output: Schema | undefined,
): readonly Objective[] {
  const named = (metrics: string | readonly string[] | undefined, direction: Objective['direction']) =>
    [metrics ?? []].flat().map((metric) => ({ metric, direction }));
  const objectives = [...named(maximize, 'maximize'), ...named(minimize, 'minimize')];
  if (objectives.length === 0) {
    throw invalidOption(
      owner,
      'maximize',
      maximize,
      'Name the number in the trial’s output to maximize, or to minimize.',
    );
  }
  const twice = objectives.find(({ metric }, i) => objectives.findIndex((other) => other.metric === metric) < i);
  if (twice !== undefined) throw invalidOption(owner, 'maximize', twice.metric, 'It is named twice.');
  const known = fieldsOf(output);
  for (const { metric, direction } of objectives) {
    if (typeof metric !== 'string')
      throw invalidOption(owner, direction, metric, 'Name a field of the trial’s output.');
    if (known === undefined || known.includes(metric)) continue;
    throw invalidOption(owner, direction, metric, `The trial’s output has ${known.join(', ') || 'no field'}.`);
  }
  return objectives;
}

/** Of a Zod object they are known before any trial runs; undefined of other schemas. */
function fieldsOf(schema: Schema | undefined): readonly string[] | undefined {
  const { shape } = (schema ?? {}) as { readonly shape?: object };
  return shape === undefined ? undefined : Object.keys(shape);
}

/** How many calls of trials the study makes at most, or near that. */
export function callsOf({ trials, scheduler }: StudyPlan): number {
  return scheduler?.kind === 'population' ? trials * Math.ceil(scheduler.max / scheduler.interval) : trials;
}

/** Trials of another space teach nothing: those that are no point of this one are left out. */
function warmTrials(
  owner: string,
  space: Space,
  objectives: readonly Objective[],
  earlier: KnownStudy | undefined,
): readonly KnownTrial[] {
  if (earlier === undefined) return [];
  const { trials } = earlier;
  const [was, is] = [earlier.objectives ?? objectives, objectives].map(asWords);
  if (was !== is) throw invalidOption(owner, 'warmStart', `a study to ${was}`, `Give one to ${is}, as this one is.`);
  const known = trials.flatMap(({ params, values }) => {
    try {
      return values.length === objectives.length ? [{ params: checkParams(owner, space, params), values }] : [];
    } catch {
      return [];
    }
  });
  if (known.length > 0) return known;
  throw invalidOption(
    owner,
    'warmStart',
    `${trials.length} trials`,
    'None of them is of this space, with as many objectives.',
  );
}

function asWords(objectives: readonly Objective[]): string {
  return objectives.map(({ metric, direction }) => `${direction} ${metric}`).join(' and ');
}
