import { inWorkflowContext } from '@temporalio/workflow';
import { awaitable, called } from './awaitable.js';
import { inChunkRuns } from './chunk-run.js';
import { EvertrainError } from './errors.js';
import { type FanOutTarget, itemCall } from './item-call.js';
import { checkItem } from './json-size.js';
import { checkOptions, invalidOption } from './options.js';
import type { Pipeline } from './pipeline.js';
import type { PipelineResult } from './protocol.js';
import { currentPath, currentScope, nextId, type StepPath } from './run-scope.js';
import type { Encoded, Schema } from './schema.js';
import { fulfilled, rejected, type Settled } from './settled.js';
import { slide, slideOrCancel } from './slide.js';
import type { Step } from './step.js';

export interface FanOutOptions<With> {
  /** Fields that every item gets beside its own. */
  readonly with?: With;
  /** Most items at work at once. Default 100. */
  readonly atMost?: number;
  /** What the items' steps are shown under. Default: the step's or pipeline's name. */
  readonly name?: string;
}

type ItemOf<Input, With> = Omit<Input, keyof With> & Partial<Pick<Input, keyof Input & keyof With>>;
type Call<Input, Output> = (item: Input, index: number) => Promise<Output>;
type OptionsFor<Input, With extends Partial<Input>> = FanOutOptions<
  With & { [K in Exclude<keyof With, keyof Input>]: never }
>;

interface FanOut {
  /** Runs a step for each item, at most `atMost` at once; answers outputs in the items' order. The first failure cancels the rest. */
  <I extends Schema, O extends Schema | undefined, const With extends Partial<Encoded<I>> = Record<never, never>>(
    items: readonly ItemOf<Encoded<I>, With>[],
    step: Step<I, O>,
    options?: OptionsFor<Encoded<I>, With>,
  ): Promise<Encoded<O>[]>;
  /** The same with a pipeline, each item a child run; a rejected gate is a value of the result. */
  <I extends Schema, Output, const With extends Partial<Encoded<I>> = Record<never, never>>(
    items: readonly ItemOf<Encoded<I>, With>[],
    pipeline: Pipeline<I, Output>,
    options?: OptionsFor<Encoded<I>, With>,
  ): Promise<PipelineResult<Output>[]>;
  /** The same with a function of the item, for at most 500 items. */
  <Item, Output>(
    items: readonly Item[],
    call: Call<Item, Output>,
    options: Omit<FanOutOptions<never>, 'with'> & { readonly name: string },
  ): Promise<Output[]>;
}

interface SettledFanOut {
  <I extends Schema, O extends Schema | undefined, const With extends Partial<Encoded<I>> = Record<never, never>>(
    items: readonly ItemOf<Encoded<I>, With>[],
    step: Step<I, O>,
    options?: OptionsFor<Encoded<I>, With>,
  ): Promise<Settled<Encoded<O>>[]>;
  <I extends Schema, Output, const With extends Partial<Encoded<I>> = Record<never, never>>(
    items: readonly ItemOf<Encoded<I>, With>[],
    pipeline: Pipeline<I, Output>,
    options?: OptionsFor<Encoded<I>, With>,
  ): Promise<Settled<PipelineResult<Output>>[]>;
  <Item, Output>(
    items: readonly Item[],
    call: Call<Item, Output>,
    options: Omit<FanOutOptions<never>, 'with'> & { readonly name: string },
  ): Promise<Settled<Output>[]>;
}

type GivenItems = readonly unknown[];

export const fanOut = ((items: GivenItems, target: FanOutTarget, options: FanOutOptions<object> = {}) => {
  const prepared = prepare(items, target, options);
  const { each, atMost, owner } = prepared;
  if (prepared.isLarge) {
    return awaitable(inChunkRuns({ ...prepared, isSettled: false }).then((ends) => ends.map(valueOf)));
  }
  return called(() => {
    // Before any is begun.
    if (target.kind !== undefined) for (const [index, item] of items.entries()) checkItem(owner, index, item);
    return awaitable(slideOrCancel(items, atMost, each));
  });
}) as unknown as FanOut;

/** As `fanOut`, but a failing item costs only itself: every item's end is answered, in order. */
export const fanOutSettled = ((items: GivenItems, target: FanOutTarget, options: FanOutOptions<object> = {}) => {
  const prepared = prepare(items, target, options);
  if (prepared.isLarge) return awaitable(inChunkRuns({ ...prepared, isSettled: true }));
  const { each, atMost } = prepared;
  return awaitable(slide(items, atMost, (item, index) => each(item, index).then(fulfilled, rejected)));
}) as unknown as SettledFanOut;

function prepare(items: GivenItems, target: FanOutTarget, options: FanOutOptions<object>) {
  const isValue = target?.kind === 'step' || target?.kind === 'pipeline';
  const name = options.name ?? (isValue ? target.name : 'items');
  const owner = `fanOut over "${name}"`;
  checkOptions(owner, options, ['with', 'atMost', 'name']);
  if (!Array.isArray(items)) throw invalidOption(owner, 'items', items, 'Pass an array.');
  if (typeof target !== 'function')
    throw invalidOption(owner, 'the step', target, 'Pass a step, a pipeline or a function.');
  const atMost = options.atMost ?? 100;
  if (!Number.isInteger(atMost) || atMost < 1)
    throw invalidOption(owner, 'atMost', atMost, 'Use a whole number from 1.');
  const at = currentPath();
  refuseTooMany(owner, items.length, limitOf(isValue, at));
  const scope = currentScope(owner);
  const id = nextId(scope, at, name);
  const each = itemCall(target, options.with, id, at);
  const isLarge = isValue && goesApart(items.length, at);
  return { scope, owner, id, at, items: items as object[], target, with: options.with, atMost, each, isLarge };
}

interface Limit {
  readonly most: number;
  readonly remedy: string;
}

function limitOf(isValue: boolean, { trial }: StepPath): Limit {
  if (!isValue) return closureLimit;
  return trial === undefined ? valueLimit : trialLimit;
}

const closureLimit: Limit = {
  most: 500,
  remedy: 'A function takes at most 500; pass a step or a pipeline and bind the rest by `with`.',
};
const valueLimit: Limit = {
  most: 100_000,
  remedy: 'Split them into pipelines of at most 100,000 items and fan out over those.',
};
const trialLimit: Limit = {
  most: 5_000,
  remedy: 'A function that is a trial takes at most 5,000; make the trial a pipeline.',
};

function refuseTooMany(owner: string, count: number, { most, remedy }: Limit): void {
  if (count <= most) return;
  throw new EvertrainError('USER_FAN_OUT_TOO_LARGE', `${owner}: ${count} items are too many for one run.`, {
    value: count,
    remedy,
  });
}

/** Above it items are at work in runs of their own, and never in those of a trial, whose calls go on from one another. */
const maxInRun = 2_000;

function goesApart(count: number, { trial }: StepPath): boolean {
  return count > maxInRun && trial === undefined && inWorkflowContext();
}

function valueOf(end: Settled<unknown>): unknown {
  return (end as Extract<typeof end, { status: 'fulfilled' }>).value;
}
