import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ResourceBudget } from '../../../../worker/resources/resource-budget.js';
import { ResourceSlots } from '../../../../worker/resources/resource-slots.js';

const never = new AbortController().signal;
const machine = { cpu: 4, memoryBytes: 8, gpus: ['0', '1', '2'] };
const gpu = (count: number) => ({ cpu: 1, memoryBytes: 0, gpu: count });

function deferred() {
  let end = () => undefined as void;
  const promise = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { promise, end };
}

describe('a budget', () => {
  it('gives each number to one at a time, and all or none', async () => {
    const budget = new ResourceBudget(machine);
    const first = budget.take(gpu(2), never);
    const second = budget.take(gpu(2), never);
    const third = budget.take(gpu(1), never);
    expect(first.gpus).toEqual(['0', '1']);
    let entered = 0;
    for (const { gpus } of [second, third]) void Promise.resolve(gpus).then(() => entered++);
    await turn();
    // One GPU is free, but nobody overtakes.
    expect(entered).toBe(0);
    first.close();
    expect(await second.gpus).toEqual(['2', '0']);
    expect(await third.gpus).toEqual(['1']);
  });

  it('keeps what work holds until it has ended, also after its step was given up', async () => {
    const budget = new ResourceBudget(machine);
    const { promise, end } = deferred();
    const lease = budget.take(gpu(3), never);
    lease.keepUntil(promise);
    lease.close();
    await turn();
    expect(budget.hasRoom(gpu(1))).toBe(false);
    end();
    await turn();
    expect(budget.hasRoom(gpu(3))).toBe(true);
  });

  it('lets the next one in when a waiting step is cancelled, and loses nothing by it', async () => {
    const budget = new ResourceBudget(machine);
    const holder = budget.take(gpu(2), never);
    const stop = new AbortController();
    const cancelled = budget.take(gpu(2), stop.signal);
    const next = budget.take(gpu(1), never);
    stop.abort(new Error('cancelled'));
    await expect(cancelled.gpus).rejects.toThrow('cancelled');
    cancelled.close();
    expect(await next.gpus).toEqual(['2']);
    for (const lease of [holder, next]) lease.close();
    await turn();
    expect(budget.hasRoom(gpu(3))).toBe(true);
  });

  it('takes shares of cores for what they are', () => {
    const budget = new ResourceBudget({ cpu: 1, memoryBytes: 8, gpus: [] });
    for (let n = 0; n < 10; n++) budget.take({ cpu: 0.1, memoryBytes: 0, gpu: 0 }, never);
    expect(budget.hasRoom({ cpu: 0.1, memoryBytes: 0, gpu: 0 })).toBe(false);
  });
});

describe('slots', () => {
  const opened = (least = gpu(1), most = Number.POSITIVE_INFINITY) => {
    const budget = new ResourceBudget(machine);
    return { budget, slots: new ResourceSlots({ budget, least, most }) };
  };

  it('are polled for one by one, each after the step before has what it needs', async () => {
    const { slots } = opened();
    const { promise, end } = deferred();
    const first = await slots.reserveSlot(undefined, never);
    expect(slots.tryReserveSlot()).toBeNull();
    const second = slots.reserveSlot(undefined, never);
    const step = slots.run(gpu(2), never, () => promise);
    const permit = await second;
    void slots.run(gpu(1), never, () => promise);
    // All are held.
    expect(slots.tryReserveSlot()).toBeNull();
    end();
    await step;
    slots.releaseSlot({ permit: first });
    slots.releaseSlot({ permit });
    await turn();
    expect(slots.tryReserveSlot()).not.toBeNull();
  });

  it('are not polled for while a step that has come waits', async () => {
    const { budget, slots } = opened();
    const held = budget.take(gpu(2), never);
    slots.tryReserveSlot();
    const step = slots.run(gpu(2), never, async ({ gpus }) => {
      await gpus;
    });
    await turn();
    expect(slots.tryReserveSlot()).toBeNull();
    held.close();
    await step;
  });

  it('are no more than asked for, and a poll that is called off leaves none', async () => {
    const { slots } = opened(gpu(1), 1);
    const permit = await slots.reserveSlot(undefined, never);
    const { promise, end } = deferred();
    const step = slots.run(gpu(1), never, () => promise);
    expect(slots.tryReserveSlot()).toBeNull();
    const stop = new AbortController();
    const waiting = slots.reserveSlot(undefined, stop.signal);
    stop.abort(new Error('no longer'));
    await expect(waiting).rejects.toThrow('no longer');
    end();
    await step;
    slots.releaseSlot({ permit });
    const late = new AbortController();
    await slots.reserveSlot(undefined, late.signal);
    expect(slots.tryReserveSlot()).toBeNull();
    late.abort(new Error('too late for it'));
    expect(slots.tryReserveSlot()).not.toBeNull();
  });
});
