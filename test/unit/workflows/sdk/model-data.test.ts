import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Batch,
  checkBatch,
  type DataOptions,
  dataPolicy,
  type DataState,
  dueAt,
  noData,
  received,
  settled,
  takeWindow,
} from '../../../../workflows/sdk/model-data.js';

const policyOf = (options: Partial<DataOptions>) =>
  dataPolicy('model "m"', { toInput: (batches) => batches, retrainWhen: { batches: 2 }, ...options });
const batch = (id: string, rows = 10): Batch => ({ id, uri: `file:/${id}`, rows });
const after = (data: DataState, ...ids: readonly string[]) =>
  ids.reduce((state, id, n) => received(state, batch(id), 1_000 + n), data);
const idsOf = (batches: readonly Batch[]) => batches.map(({ id }) => id);

describe('data that arrives', () => {
  it('is remembered by its id: a second one is counted and changes nothing else', () => {
    const once = after(noData(), 'a', 'b');
    const twice = after(once, 'a');
    expect(idsOf(twice.waiting)).toEqual(['a', 'b']);
    expect(twice.counts).toEqual({ received: 2, duplicates: 1, used: 0, rejected: 0, rows: 20 });
  });

  it('is known among 5,000 later ones, and its state stays below 150 KB', () => {
    const policy = policyOf({ window: { batches: 100 } });
    let data = after(noData(), 'first');
    for (let n = 1; n < 5_000; n++) {
      data = received(data, batch(`batch-${n}`), n);
      if (n % 100 === 0)
        data = settled(takeWindow(data, policy).data, policy, { outcome: 'completed', reason: 'registered' }, n);
    }
    expect(after(data, 'first').counts.duplicates).toBe(1);
    expect(data.counts.used + data.waiting.length).toBe(5_000);
    expect(JSON.stringify(data).length).toBeLessThan(150_000);
    expect(after(received(data, batch('one more'), 1), 'first').counts.duplicates).toBe(0);
  });

  it('is refused, and may be sent again, while 1,000 batches wait', () => {
    let data = noData();
    for (let n = 0; n < 1_000; n++) data = received(data, batch(`b-${n}`), n);
    const full = received(data, batch('late'), 7);
    expect(full.waiting).toHaveLength(1_000);
    expect(full.rejected).toMatchObject([{ id: 'late', at: 7 }]);
    const freed = settled(
      takeWindow(full, policyOf({})).data,
      policyOf({}),
      { outcome: 'completed', reason: 'registered' },
      8,
    );
    expect(idsOf(received(freed, batch('late'), 9).waiting)).toEqual(['late']);
  });

  const odd = [
    [undefined, /id undefined/],
    ['text', /id undefined/],
    [{ ...batch('a'), id: 'a\nb' }, /id "a\\nb"/],
    [{ ...batch('a'), id: 'x'.repeat(201) }, /the id/],
    [{ id: 'a', rows: 1 }, /a uri and an artifact/],
    [{ ...batch('a'), rows: -1 }, /rows -1/],
    [{ ...batch('a'), rows: 1.5 }, /rows 1\.5/],
    [{ ...batch('a'), uri: 'x'.repeat(1_001) }, /the uri/],
    [{ ...batch('a'), artifact: { uri: 'x' } }, /a uri and an artifact/],
    [{ ...batch('a'), at: 'today' }, /the time "today"/],
    [{ ...batch('a'), attributes: { big: 'x'.repeat(1_000) } }, /attributes of bytes/],
  ] as const;
  it.each(odd)('(%#) that is no batch is refused', (given, message) => {
    expect(() => checkBatch('m', undefined, given)).toThrow(message);
    expect(() => checkBatch('m', undefined, given)).toThrow(expect.objectContaining({ code: 'USER_SIGNAL_INVALID' }));
  });

  it('is checked by the schema of the model', () => {
    const event = z.object({ attributes: z.object({ station: z.string() }) });
    const given = { ...batch('a'), attributes: { station: 'north' } };
    expect(checkBatch('m', event, given)).toEqual(given);
    expect(() => checkBatch('m', event, batch('a'))).toThrow(/a batch for model "m" does not fit its schema/);
  });
});

describe('a training on data', () => {
  it('is due at once by rows or batches, and later by the time of the first that waits', () => {
    const three = after(noData(), 'a', 'b', 'c');
    expect(dueAt(noData(), policyOf({}))).toBeUndefined();
    expect(dueAt(after(noData(), 'a'), policyOf({}))).toBeUndefined();
    expect(dueAt(three, policyOf({}))).toBe(0);
    expect(dueAt(three, policyOf({ retrainWhen: { rows: 30 } }))).toBe(0);
    expect(dueAt(three, policyOf({ retrainWhen: { rows: 31 } }))).toBeUndefined();
    expect(dueAt(three, policyOf({ retrainWhen: { rows: 31, orAfter: '1 day' } }))).toBe(1_000 + 86_400_000);
  });

  it('uses the new batches, or also earlier ones up to the size of its window, oldest first', () => {
    const policy = policyOf({ window: { batches: 3 } });
    const first = takeWindow(after(noData(), 'a', 'b'), policy);
    expect(idsOf(first.window)).toEqual(['a', 'b']);
    const used = settled(first.data, policy, { outcome: 'completed', reason: 'registered' }, 1);
    const second = takeWindow(after(used, 'c', 'd'), policy);
    expect(idsOf(second.window)).toEqual(['b', 'c', 'd']);
    expect(idsOf(takeWindow(after(used, 'c', 'd', 'e', 'f'), policy).window)).toEqual(['c', 'd', 'e', 'f']);
    expect(idsOf(takeWindow(after(noData(), 'a', 'b'), policyOf({})).window)).toEqual(['a', 'b']);
  });

  it('that failed gives its batches back, and is tried again with the next batch or after the time', () => {
    const policy = policyOf({ retrainWhen: { batches: 2, orAfter: '1 hour' } });
    const failed = settled(
      takeWindow(after(noData(), 'a', 'b'), policy).data,
      policy,
      { outcome: 'failed', reason: 'no data' },
      5_000,
    );
    expect(idsOf(failed.waiting)).toEqual(['a', 'b']);
    expect(dueAt(failed, policy)).toBe(5_000 + 3_600_000);
    expect(dueAt(failed, policyOf({}))).toBeUndefined();
    expect(dueAt(after(failed, 'c'), policy)).toBe(0);
  });

  it('that a gate rejected leaves its batches rejected, each with the reason', () => {
    const taken = takeWindow(after(noData(), 'a', 'b'), policyOf({})).data;
    const ended = settled(taken, policyOf({}), { outcome: 'rejected', reason: 'gate "usable"' }, 5);
    expect(ended).toMatchObject({ waiting: [], inTraining: [], counts: { rejected: 2, used: 0 } });
    expect(ended.rejected).toEqual(['a', 'b'].map((id) => ({ id, reason: 'gate "usable"', at: 5 })));
  });
});

describe('the policy', () => {
  it.each([
    [{ retrainWhen: {} }, /retrainWhen/],
    [{ retrainWhen: { rows: 0 } }, /retrainWhen\.rows is 0/],
    [{ retrainWhen: { batches: 1.5 } }, /retrainWhen\.batches is 1\.5/],
    [{ retrainWhen: { orAfter: 'soon' as never } }, /orAfter/],
    [{ window: { batches: 501 } }, /window/],
    [{ window: 'all' as never }, /window/],
    [{ toInput: 'x' as never }, /toInput/],
  ] satisfies [Partial<DataOptions>, RegExp][])('(%#) that cannot be kept is refused', (options, message) => {
    expect(() => policyOf(options)).toThrow(message);
  });
});
