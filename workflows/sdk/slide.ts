import { CancellationScope, inWorkflowContext } from '@temporalio/workflow';
import { called } from './awaitable.js';

type Each<Item, Output> = (item: Item, index: number) => Promise<Output>;

/** Keeps at most `atMost` calls open; results stand in the items' order. */
export async function slide<Item, Output>(
  items: readonly Item[],
  atMost: number,
  each: Each<Item, Output>,
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
      results[index] = await each(items[index] as Item, index);
    }
  };
  open.lanes = Array.from({ length: Math.min(atMost, items.length) }, lane);
  await Promise.all(open.lanes);
  return results;
}

/** The first failure cancels the siblings, and is thrown when they have ended, so that none outlives the run. */
export async function slideOrCancel<Item, Output>(
  items: readonly Item[],
  atMost: number,
  each: Each<Item, Output>,
): Promise<Output[]> {
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
