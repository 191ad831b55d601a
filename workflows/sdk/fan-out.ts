import { CancellationScope, inWorkflowContext } from '@temporalio/workflow';
import { awaitable, called } from './awaitable.js';
import { callStep } from './call-step.js';
import { EvertrainError, isEvertrainError, show } from './errors.js';
import { checkOptions } from './options.js';
import type { Pipeline } from './pipeline.js';
import type { PipelineResult } from './protocol.js';
import { currentPath, currentScope, nextId, withPath } from './run-scope.js';
import type { Encoded, Schema } from './schema.js';
import type { Step, StepDefinition } from './step.js';

/** Most items that a closure may be given: its state lives in the run's own history. */
const maxClosureItems = 500;
/** Most items of a step or pipeline fan-out in one run (a step costs 3 to 6 history events, the history holds 51,200). */
const maxItems = 5_000;

export interface FanOutOptions<With> {
  /** Fields that every item gets beside its own. */
  readonly with?: With;
  /** Most items at work at once. Default 100. */
  readonly atMost?: number;
  /** What the items' steps are shown under. Default: the step's or pipeline's name. */
  readonly name?: string;
}

/** How one item ended, in a fan-out that collects failures. */
export type Settled<Output> =
  | { readonly status: 'fulfilled'; readonly value: Output }
  | { readonly status: 'rejected'; readonly code: string; readonly message: string };

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

type Target = Call<unknown, unknown> & { readonly kind?: 'step' | 'pipeline'; readonly name: string };

export const fanOut = ((items: readonly unknown[], target: Target, options: FanOutOptions<object> = {}) => {
  const { each, atMost } = prepare(items, target, options);
  return awaitable(slideOrCancel(items, atMost, each));
}) as unknown as FanOut;

/** As `fanOut`, but a failing item costs only itself: every item's end is answered, in order. */
export const fanOutSettled = ((items: readonly unknown[], target: Target, options: FanOutOptions<object> = {}) => {
  const { each, atMost } = prepare(items, target, options);
  return awaitable(slide(items, atMost, (item, index) => each(item, index).then(fulfilled, rejected)));
}) as unknown as SettledFanOut;

function prepare(items: readonly unknown[], target: Target, options: FanOutOptions<object>) {
  const isValue = target?.kind === 'step' || target?.kind === 'pipeline';
  const name = options.name ?? (isValue ? target.name : 'items');
  const owner = `fanOut over "${name}"`;
  checkOptions(owner, options, ['with', 'atMost', 'name']);
  if (!Array.isArray(items)) throw invalid(owner, 'items', items, 'Pass an array.');
  if (typeof target !== 'function') throw invalid(owner, 'the step', target, 'Pass a step, a pipeline or a function.');
  const atMost = options.atMost ?? 100;
  if (!Number.isInteger(atMost) || atMost < 1) throw invalid(owner, 'atMost', atMost, 'Use a whole number from 1.');
  refuseTooMany(owner, items.length, isValue);
  const at = currentPath();
  const id = nextId(currentScope(owner), at, name);
  const call: Call<unknown, unknown> =
    target.kind === 'step' ? (input) => callStep(target as unknown as StepDefinition, input) : target;
  const each: Call<unknown, unknown> = (item, index) =>
    withPath({ ...at, prefix: `${id}[${index}]/`, groups: [...at.groups, id.slice(at.prefix.length)] }, () =>
      call(isValue ? { ...options.with, ...(item as object) } : item, index),
    );
  return { each, atMost };
}

function invalid(owner: string, what: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${what} is ${show(value)}.`, { value, remedy });
}

function refuseTooMany(owner: string, count: number, isValue: boolean): void {
  if (count <= (isValue ? maxItems : maxClosureItems)) return;
  throw new EvertrainError('USER_FAN_OUT_TOO_LARGE', `${owner}: ${count} items are too many for one run.`, {
    value: count,
    remedy: isValue
      ? `Split them into pipelines of at most ${maxItems} items and fan out over those.`
      : `A function takes at most ${maxClosureItems}; pass a step or a pipeline and bind the rest by \`with\`.`,
  });
}

/** Keeps at most `atMost` calls open; results stand in the items' order. */
async function slide<Output>(
  items: readonly unknown[],
  atMost: number,
  each: Call<unknown, Output>,
  open: { lanes: Promise<unknown>[] } = { lanes: [] },
): Promise<Output[]> {
  if (items.length <= atMost) {
    // The same with half of the promises, each of which costs a run a stack trace.
    const calls = items.map((item, index) => called(() => each(item, index)));
    open.lanes = calls;
    return Promise.all(calls);
  }
  const results = new Array<Output>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await each(items[index], index);
    }
  };
  open.lanes = Array.from({ length: Math.min(atMost, items.length) }, lane);
  await Promise.all(open.lanes);
  return results;
}

/** The first failure cancels the siblings, and is thrown when they have ended, so that none outlives the run. */
async function slideOrCancel(items: readonly unknown[], atMost: number, each: Call<unknown, unknown>) {
  const open: { lanes: Promise<unknown>[] } = { lanes: [] };
  if (!inWorkflowContext()) return slide(items, atMost, each, open);
  const siblings = new CancellationScope({ cancellable: true });
  try {
    return await siblings.run(() => slide(items, atMost, each, open));
  } catch (error) {
    siblings.cancel();
    await Promise.allSettled(open.lanes);
    throw error;
  }
}

function fulfilled<T>(value: T): Settled<T> {
  return { status: 'fulfilled', value };
}

/** A failure that carries a code is a result here; a rejected gate, a cancelled run or a Temporal fault is not. */
function rejected(error: unknown): Settled<never> {
  if (!isEvertrainError(error) || error.code === 'GATE_REJECTED') throw error;
  return { status: 'rejected', code: error.code, message: error.message };
}
