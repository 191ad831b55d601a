import { describe, expect, it } from 'vitest';
import type { KnownBatch } from '../../../../../workflows/sdk/model/batch.js';
import type { DataState } from '../../../../../workflows/sdk/model/data-state.js';
import { noData } from '../../../../../workflows/sdk/model/data.js';
import { dataPolicy, type ModelPolicy } from '../../../../../workflows/sdk/model/policy.js';
import { earlierNeeded, type WindowFunction, windowOf } from '../../../../../workflows/sdk/model/window.js';

const day = 86_400_000;
const batch = (id: string, at = 0): KnownBatch => ({ id, uri: `file:/${id}`, rows: 1, receivedAt: at * day });
const batches = (text: string, from = 0) => text.split('').map((id, n) => batch(id, from + n));

/** The window of a training on new batches `new`, when `used` are known of those that earlier ones used. */
function window(
  policy: Partial<ModelPolicy>,
  given: { used: string; known?: string; fresh: string; through?: number; choose?: WindowFunction },
) {
  const data: DataState = {
    ...noData(),
    inTraining: batches(given.fresh, given.used.length),
    counts: { ...noData().counts, used: given.used.length },
  };
  const wanted = {
    policy: dataPolicy('model "m"', { retrainWhen: { batches: 1 }, ...policy }),
    through: given.through,
  };
  const known = batches(given.used).filter(({ id }) => (given.known ?? given.used).includes(id));
  const needed = earlierNeeded(data, wanted);
  const now = (given.used.length + given.fresh.length) * day;
  const found = windowOf(data, wanted, { used: known, choose: given.choose, now });
  return [found.window.map(({ id }) => id).join(''), found.leftOut, needed];
}

describe('the window of a training', () => {
  it('is the new batches', () => {
    expect(window({}, { used: 'abc', fresh: 'de' })).toEqual(['de', 0, 0]);
    expect(window({ window: 'new' }, { used: 'abc', fresh: '' })).toEqual(['', 0, 0]);
  });

  it('is all, and says how many are not known any more', () => {
    expect(window({ window: 'all' }, { used: 'abc', fresh: 'de' })).toEqual(['abcde', 0, 3]);
    expect(window({ window: 'all' }, { used: 'abc', known: 'c', fresh: 'd' })).toEqual(['cd', 2, 3]);
  });

  it('is the newest n with the new ones among them, which are never left out', () => {
    expect(window({ window: { batches: 3 } }, { used: 'abc', fresh: 'd' })).toEqual(['bcd', 0, 2]);
    expect(window({ window: { batches: 3 } }, { used: 'ab', fresh: 'cdef' })).toEqual(['cdef', 0, 0]);
    expect(window({ window: { batches: 9 } }, { used: 'ab', fresh: 'c' })).toEqual(['abc', 0, 2]);
    expect(window({ window: { batches: 4 } }, { used: 'abc', known: 'c', fresh: 'd' })).toEqual(['cd', 2, 3]);
  });

  it('is those of the last time by `at`, and the new ones however old', () => {
    expect(window({ window: { last: '3 days' } }, { used: 'abcd', fresh: 'e' })).toEqual(['cde', 0, 4]);
    expect(window({ window: { last: '1 hour' } }, { used: 'abcd', fresh: 'e' })).toEqual(['e', 0, 4]);
    expect(window({ window: { last: '3 days' } }, { used: 'abcd', known: 'd', fresh: 'e' })).toEqual(['de', 3, 4]);
    expect(window({ window: { last: '3 days' } }, { used: 'abcd', known: 'bcd', fresh: 'e' })).toEqual(['cde', 0, 4]);
  });

  it('is what the champion has not seen, where its training was data’s', () => {
    const incremental = { update: 'incremental', window: 'all' } as const;
    expect(window(incremental, { used: 'abcd', fresh: 'e', through: 4 })).toEqual(['e', 0, 0]);
    expect(window(incremental, { used: 'abcd', fresh: 'e', through: 2 })).toEqual(['cde', 0, 2]);
    expect(window(incremental, { used: 'abcd', known: 'd', fresh: 'e', through: 1 })).toEqual(['de', 2, 3]);
    expect(window(incremental, { used: 'abcd', fresh: 'e' })).toEqual(['abcde', 0, 4]);
  });

  it('is what a function chooses, in the order of arrival', () => {
    const vowels: WindowFunction = (all) => all.filter(({ id }) => 'aeiou'.includes(id)).reverse();
    const custom = { window: 'custom' } as const;
    expect(window(custom, { used: 'abcd', fresh: 'ef', choose: vowels })).toEqual(['ae', 0, 4]);
  });

  const refused: readonly (readonly [WindowFunction | undefined, RegExp])[] = [
    [undefined, /answered undefined/],
    [() => 'abc' as never, /answered "abc"/],
    [() => [batch('z')], /a batch it was not given/],
    [() => [null] as never, /a batch it was not given/],
    [() => [], /chose no batch/],
  ];
  it.each(refused)('is refused where the function answers something else (%#)', (choose, message) => {
    const given = { used: 'a', fresh: 'b', ...(choose === undefined ? {} : { choose }) };
    expect(() => window({ window: 'custom' }, given)).toThrow(message);
  });
});
