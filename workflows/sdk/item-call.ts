import { callStep } from './call-step.js';
import type { StepDefinition } from './definitions.js';
import { type StepPath, withPath } from './run-scope.js';

export type ItemCall = (item: unknown, index: number) => Promise<unknown>;

/** What a fan-out is over: a step or pipeline value, or a function of the item. */
export type FanOutTarget = ItemCall & { readonly kind?: 'step' | 'pipeline'; readonly name: string };

/** Calls the target with an item, under the item's own path; `id` is the fan-out's, `at` what is around it. */
export function itemCall(target: FanOutTarget, bound: object | undefined, id: string, at: StepPath): ItemCall {
  const call: ItemCall =
    target.kind === 'step' ? (input) => callStep(target as unknown as StepDefinition, input) : target;
  const isValue = target.kind !== undefined;
  const groups = [...at.groups, id.slice(at.prefix.length)];
  return (item, index) =>
    withPath({ ...at, prefix: `${id}[${index}]/`, groups }, () =>
      call(isValue ? { ...bound, ...(item as object) } : item, index),
    );
}
