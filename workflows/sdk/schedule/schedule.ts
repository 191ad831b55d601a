import type { PipelineDefinition } from '../definitions.js';
import { type Duration, durationMs } from '../duration.js';
import { EvertrainError, show } from '../errors.js';
import { checkInput } from '../json-size.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import type { Pipeline } from '../pipeline.js';
import { checkPriority, type Priority } from '../priority.js';
import { decode, type Encoded, type Schema } from '../schema.js';
import type { Timing } from './timing.js';
import { type TimingOptions, timingOf, type When } from './when.js';

/** What becomes of a fire time while a run of the schedule is still open. */
const overlaps = ['skip', 'buffer-one', 'buffer-all', 'cancel-other', 'terminate-other', 'allow-all'] as const;
export type Overlap = (typeof overlaps)[number];

interface CommonOptions extends TimingOptions {
  /** Default: the pipeline's name. Unique in the engine's namespace. */
  readonly name?: string;
  readonly description?: string;
  /** Each run begins up to so much later, by chance; its logical date stays the fire time. */
  readonly jitter?: Duration;
  /** Default `skip`, and `buffer-all` where `catchUp` is given: what is caught up would else be skipped at once. */
  readonly overlap?: Overlap;
  /**
   * How late a run may begin that could not begin in time, as the engine was down. Fire times that are missed for longer
   * are counted and told, and not made up. Default `1 minute`; at least 10 s, which is the engine's least.
   */
  readonly catchUp?: Duration;
  /** Of its runs; default 0. A whole number. */
  readonly seed?: number;
  /** As of a run: 1 first, 5 last. */
  readonly priority?: Priority;
}

export type ScheduleOptions<P extends PipelineDefinition> = CommonOptions &
  (P extends Pipeline<infer I extends Schema, infer _> ? { readonly input: Encoded<I> } : { readonly input?: unknown });

/** A schedule as data. It is declared only: `evertrain schedules apply` makes the engine keep it. */
export interface ScheduleDefinition {
  readonly kind: 'schedule';
  readonly name: string;
  readonly pipeline: PipelineDefinition;
  readonly rules: ScheduleRules;
}

/** What the engine keeps of it. */
export interface ScheduleRules {
  /** By name. */
  readonly pipeline: string;
  readonly description?: string;
  readonly timing: Timing;
  readonly jitterMs?: number;
  readonly overlap: Overlap;
  readonly catchUpMs: number;
  readonly input?: unknown;
  readonly seed?: number;
  readonly priority?: Priority;
}

const optionNames = [
  'input',
  'name',
  'description',
  'timeZone',
  'start',
  'end',
  'except',
  'jitter',
  'overlap',
  'catchUp',
  'seed',
  'priority',
] as const;

/** The engine's least. */
const leastCatchUpMs = 10_000;

/**
 * Declares that runs of a pipeline begin by themselves, at fire times; name it in `project({ schedules })`. A run knows its
 * fire time (`logicalDate`) and the time since the one before (`dataInterval`).
 */
export function schedule<P extends PipelineDefinition>(
  pipeline: P,
  when: When | readonly When[],
  ...[options = {} as ScheduleOptions<P>]: P extends Pipeline<Schema, infer _>
    ? [options: ScheduleOptions<P>]
    : [options?: ScheduleOptions<P>]
): ScheduleDefinition {
  if (pipeline?.kind !== 'pipeline') {
    throw new EvertrainError('USER_OPTION_INVALID', `schedule: ${show(pipeline)} is not a pipeline.`, {
      value: pipeline,
      remedy: 'Pass a value made by pipeline().',
    });
  }
  const { name = pipeline.name } = options;
  checkName('schedule', name);
  const owner = `schedule "${name}"`;
  checkOptions(owner, options, optionNames);
  const rules = {
    pipeline: pipeline.name,
    ...(options.description === undefined ? {} : { description: options.description }),
    timing: timingOf(owner, when, options),
    ...policyOf(owner, options),
    ...startOf(owner, pipeline, options),
  };
  return { kind: 'schedule', name, pipeline, rules };
}

function policyOf(owner: string, options: CommonOptions): Pick<ScheduleRules, 'jitterMs' | 'overlap' | 'catchUpMs'> {
  const { jitter, catchUp, overlap = catchUp === undefined ? 'skip' : 'buffer-all' } = options;
  const catchUpMs = durationMs(catchUp ?? '1 minute', `${owner}: catchUp`);
  if (catchUpMs < leastCatchUpMs)
    throw invalidOption(owner, 'catchUp', catchUp, 'Use 10 seconds at least, or leave it out.');
  if (!overlaps.includes(overlap))
    throw invalidOption(owner, 'overlap', overlap, `Use one of: ${overlaps.join(', ')}.`);
  return {
    ...(jitter === undefined ? {} : { jitterMs: durationMs(jitter, `${owner}: jitter`) }),
    overlap,
    catchUpMs,
  };
}

function startOf(
  owner: string,
  pipeline: PipelineDefinition,
  { input, seed, priority }: CommonOptions & { readonly input?: unknown },
): Pick<ScheduleRules, 'input' | 'seed' | 'priority'> {
  const what = `${owner}: the input`;
  checkInput(owner, input);
  decode(pipeline.input, input, 'USER_INPUT_INVALID', what);
  if (seed !== undefined && !Number.isSafeInteger(seed))
    throw invalidOption(owner, 'seed', seed, 'Use a whole number.');
  if (priority !== undefined) checkPriority(owner, priority);
  return {
    ...(input === undefined ? {} : { input }),
    ...(seed === undefined ? {} : { seed }),
    ...(priority === undefined ? {} : { priority }),
  };
}
