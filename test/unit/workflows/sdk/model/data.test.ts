import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Batch, checkBatch } from '../../../../../workflows/sdk/model/batch.js';
import type { DataState } from '../../../../../workflows/sdk/model/data-state.js';
import {
  checkDrop,
  dropped,
  due,
  failedOnce,
  givenBack,
  judged,
  knownDigests,
  noData,
  quarantinedBatch,
  received,
  released,
  settled,
  taken,
  toldOfRefusal,
  untoldRefusal,
} from '../../../../../workflows/sdk/model/data.js';
import { dataPolicy, type ModelPolicy } from '../../../../../workflows/sdk/model/policy.js';

const policyOf = (policy: Partial<ModelPolicy>) => dataPolicy('model "m"', { retrainWhen: { batches: 2 }, ...policy });
const dueAt = (data: DataState, policy: ReturnType<typeof policyOf>) => due(data, policy, false)?.at;
const take = (data: DataState, policy: ReturnType<typeof policyOf>) => taken(data, policy, false);
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

  it('is known among 10,000 later ones, and its state stays below 170 KB', () => {
    const policy = policyOf({ window: { batches: 100 } });
    let data = after(noData(), 'first');
    for (let n = 1; n < 10_000; n++) {
      data = received(data, batch(`batch-${n}`), n);
      if (n % 100 === 0) data = settled(take(data, policy), { outcome: 'completed', reason: 'registered' }, n);
    }
    expect(after(data, 'first').counts.duplicates).toBe(1);
    expect(data.counts.used + data.waiting.length).toBe(10_000);
    expect(JSON.stringify(data).length).toBeLessThan(170_000);
    expect(after(received(data, batch('one more'), 1), 'first').counts.duplicates).toBe(0);
  });

  it('is known alike one by one and many at once, also when old ids are forgotten', () => {
    const ids = Array.from({ length: 12_000 }, (_, n) => `batch-${n < 11_000 ? n : (n * 7_919) % 11_000}`);
    const policy = policyOf({});
    let [slow, fast] = [noData(), noData()];
    const digests = knownDigests(fast);
    for (const [n, id] of ids.entries()) {
      slow = received(slow, batch(id), n);
      fast = received(fast, batch(id), n, digests);
      if (n % 4_000 === 3_999) [slow, fast] = [take(slow, policy), take(fast, policy)];
    }
    expect(fast).toEqual(slow);
    expect(fast.counts.duplicates).toBeGreaterThan(800);
    expect(digests).toEqual(knownDigests(fast));
  });

  it('is refused, and may be sent again, while 5,000 batches wait', () => {
    let data = noData();
    for (let n = 0; n < 5_000; n++) data = received(data, batch(`b-${n}`), n);
    const full = received(data, batch('late'), 7);
    expect(full.waiting).toHaveLength(5_000);
    expect(full.rejected).toMatchObject([{ id: 'late', at: 7 }]);
    const freed = settled(take(full, policyOf({})), { outcome: 'completed', reason: 'registered' }, 8);
    expect(idsOf(received(freed, batch('late'), 9).waiting)).toEqual(['late']);
  });

  it('is refused in episodes, of which people are told once: until half has gone and one more is taken', () => {
    let data = noData();
    for (let n = 0; n < 5_000; n++) data = received(data, batch(`b-${n}`), n);
    expect(untoldRefusal(data)).toBeUndefined();
    data = after(data, 'late', 'later');
    expect(untoldRefusal(data)).toEqual({ since: 1_000, batches: 2, id: 'late' });
    expect(toldOfRefusal(data, 999)).toBe(data);
    data = received(toldOfRefusal(data, 1_000), batch('latest'), 2_000);
    expect(untoldRefusal(data)).toBeUndefined();
    expect(data.refusing).toEqual({ since: 1_000, batches: 3, id: 'late', told: true });
    data = received(dropped(data, 'b-0', 'by hand', 2_001), batch('in between'), 2_002);
    expect(data.refusing).toMatchObject({ since: 1_000 });
    const freed = settled(take(data, policyOf({})), { outcome: 'completed', reason: 'registered' }, 2_003);
    expect(received(freed, batch('late'), 2_004).refusing).toBeUndefined();
  });

  it('is refused while 400 KB of batches wait, and the largest state stays below what the engine takes', () => {
    const large = (n: number): Batch => ({
      id: `${n}`.padEnd(200, 'x'),
      uri: 'u'.repeat(1_000),
      rows: 1,
      attributes: { note: 'é'.repeat(480) },
    });
    const policy = policyOf({ retrainWhen: { rows: 1_000_000 }, window: 'all' });
    let data = noData();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 100; n++) data = received(data, large(round * 100 + n), n);
      const ids = data.waiting
        .slice(0, 10)
        .map(({ id }) => ({ id, problems: Array<string>(20).fill('p'.repeat(300)) }));
      data = take(judged(data, ids, 1), policy);
      data = settled(data, { outcome: 'completed', reason: 'registered' }, 1);
    }
    for (let n = 0; n < 5_000; n++) data = received(data, large(1_000 + n), n);
    const inTraining = take(data, policy);
    data = inTraining;
    for (let n = 0; n < 5_000; n++) data = received(data, large(9_000 + n), n);
    expect(data.waiting.length).toBeGreaterThan(0);
    expect(JSON.stringify(data).length).toBeLessThan(1_600_000);
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
    [{ ...batch('a'), attributes: [1] }, /attributes \[/],
    [{ id: 'a', rows: 1, artifact: { uri: `x:sha256/y`, sha256: 'y', sizeBytes: 1, mediaType: 'm' } }, /the artifact/],
    [{ ...batch('a'), attributes: { big: 'x'.repeat(1_000) } }, /attributes of bytes/],
  ] as const;
  it.each(odd)('(%#) that is no batch is refused', (given, message) => {
    expect(() => checkBatch('m', undefined, given)).toThrow(message);
    expect(() => checkBatch('m', undefined, given)).toThrow(expect.objectContaining({ code: 'USER_SIGNAL_INVALID' }));
  });

  it('keeps of an artifact what a reference is', () => {
    const sha256 = 'a'.repeat(64);
    const reference = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 1, mediaType: 'text/csv' };
    expect(
      checkBatch('m', undefined, { id: 'a', rows: 1, artifact: { ...reference, junk: 'x'.repeat(9_000) } }),
    ).toEqual({
      id: 'a',
      rows: 1,
      artifact: reference,
    });
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

  it('that failed gives its batches back, and is tried again with the next batch or after the time', () => {
    const policy = policyOf({ retrainWhen: { batches: 2, orAfter: '1 hour' } });
    const failed = settled(take(after(noData(), 'a', 'b'), policy), { outcome: 'failed', reason: 'no data' }, 5_000);
    expect(idsOf(failed.waiting)).toEqual(['a', 'b']);
    expect(dueAt(failed, policy)).toBe(5_000 + 3_600_000);
    expect(dueAt(failed, policyOf({}))).toBeUndefined();
    expect(dueAt(after(failed, 'c'), policy)).toBe(0);
  });

  it('that a gate rejected leaves its batches rejected, each with the reason', () => {
    const open = take(after(noData(), 'a', 'b'), policyOf({}));
    const ended = settled(open, { outcome: 'rejected', reason: 'gate "usable"' }, 5);
    expect(ended).toMatchObject({ waiting: [], inTraining: [], counts: { rejected: 2, used: 0 } });
    expect(ended.rejected).toEqual(['a', 'b'].map((id) => ({ id, reason: 'gate "usable"', at: 5 })));
  });
});

describe('a training that failed', () => {
  const policy = policyOf({ retry: { attempts: 3, delay: '10s' }, retrainWhen: { batches: 2, orAfter: '1 hour' } });
  const fail = (data: DataState, now: number) =>
    settled(take(data, policy), { outcome: 'failed', reason: 'no data' }, now);

  it('is tried again after the delay of its policy, and then with the next batch or after the time', () => {
    const once = fail(after(noData(), 'a', 'b'), 5_000);
    expect(dueAt(once, policy)).toBe(15_000);
    expect(dueAt(received(once, batch('c'), 6_000), policy)).toBe(15_000);
    const thrice = fail(fail(once, 15_000), 25_000);
    expect(dueAt(thrice, policy)).toBe(25_000 + 3_600_000);
    const next = received(thrice, batch('c'), 30_000);
    expect(dueAt(next, policy)).toBe(0);
    expect(dueAt(fail(next, 40_000), policy)).toBe(50_000);
  });

  it('gives its batches to the next one when it was cancelled for newer data, at once', () => {
    const open = take(after(noData(), 'a', 'b'), policy);
    const back = givenBack(after(open, 'c'));
    expect(idsOf(back.waiting)).toEqual(['a', 'b', 'c']);
    expect(dueAt(back, policy)).toBe(0);
  });
});

describe('a quality gate', () => {
  const policy = policyOf({ retrainWhen: { batches: 2 }, window: { batches: 10 } });
  const two = after(noData(), 'a', 'b');
  const bad = { id: 'a', problems: ['too old'] };

  it('looks at what waits before it is trained on', () => {
    expect(due(two, policy, true)).toEqual({ what: 'check', at: 0 });
    const good = judged(
      two,
      [
        { id: 'a', problems: [] },
        { id: 'b', problems: [] },
      ],
      9,
    );
    expect(due(good, policy, true)).toEqual({ what: 'train', at: 0 });
    expect(idsOf(taken(good, policy, true).inTraining)).toEqual(['a', 'b']);
  });

  it('looks at new batches before a training that has failed often enough is tried again', () => {
    const policy = policyOf({ retrainWhen: { batches: 6, orAfter: '1 hour' } });
    const checked = judged(after(noData(), 'bad'), [{ id: 'bad', problems: [] }], 2_000);
    const failed = settled(taken(checked, policy, true), { outcome: 'failed', reason: 'cannot be read' }, 5_000);
    const both = after(failed, 'new');
    expect(due(both, policy, true)).toEqual({ what: 'check', at: 1_000 + 3_600_000 });
    expect(due(both, policy, true, false)?.what).toBe('train');
    // The check has to be tried again: it must not keep what is checked from being trained on.
    expect(due(failedOnce(both, 6_000, { isCheck: true }), policy, true)?.what).toBe('train');
    const good = judged(both, [{ id: 'new', problems: [] }], 7_000);
    expect(due(good, policy, true)).toEqual({ what: 'train', at: 1_000 + 3_600_000 });
    expect(idsOf(taken(good, policy, true).inTraining)).toEqual(['bad', 'new']);
  });

  it('holds back what has problems; the rest waits until it is enough, and is not looked at again', () => {
    const rest = judged(two, [bad, { id: 'b', problems: [] }], 9);
    expect(rest.quarantined).toMatchObject([{ batch: { id: 'a' }, problems: ['too old'], at: 9 }]);
    expect(due(rest, policy, true)).toBeUndefined();
    const three = after(rest, 'c');
    expect(due(three, policy, true)).toEqual({ what: 'check', at: 0 });
    const data = taken(three, policy, true);
    expect([idsOf(data.inTraining), idsOf(data.waiting)]).toEqual([['b'], ['c']]);
  });

  it('lets a person release or drop what it holds back', () => {
    const held = judged(two, [bad], 9);
    const found = quarantinedBatch('m', held, 'a');
    expect(released(held, found)).toMatchObject({
      quarantined: [],
      waiting: [{ id: 'b' }, { id: 'a', checked: true }],
    });
    const gone = dropped(held, 'a', 'dropped by ann', 10);
    expect(gone).toMatchObject({ quarantined: [], rejected: [{ id: 'a', reason: 'dropped by ann', at: 10 }] });
    expect(dropped(held, 'b', 'spoils each training', 11)).toMatchObject({ waiting: [], rejected: [{ id: 'b' }] });
    expect(() => checkDrop('m', held, 'b')).not.toThrow();
    expect(() => checkDrop('m', gone, 'a')).toThrow(/no batch "a" in quarantine/);
    expect(() => quarantinedBatch('m', undefined, 'a')).toThrow(/None is held back/);
  });

  it('keeps the newest hundred; what is pushed out is rejected, and counted', () => {
    const ids = Array.from({ length: 130 }, (_, n) => `b-${n}`);
    const held = judged(
      after(noData(), ...ids),
      ids.map((id) => ({ id, problems: ['bad'] })),
      9,
    );
    expect(held.quarantined).toHaveLength(100);
    expect(held.counts.rejected).toBe(30);
    expect(held.rejected.at(-1)).toMatchObject({ id: 'b-29', reason: 'quarantined: bad' });
  });

  it('is passed by what a person asks for only where it may', () => {
    const asked = { ...after(noData(), 'a'), asked: true as const };
    expect(due(asked, policy, true)).toEqual({ what: 'check', at: 0 });
    expect(due(asked, policy, false)).toEqual({ what: 'train', at: 0 });
    const held = judged(asked, [bad], 9);
    expect(due(held, policy, true)).toEqual({ what: 'train', at: 0 });
    const data = taken(held, policy, true);
    expect([data.asked, data.inTraining]).toEqual([undefined, []]);
  });
});

describe('the policy', () => {
  it.each([
    [{ retrainWhen: {} }, /retrainWhen/],
    [{ retrainWhen: { rows: 0 } }, /retrainWhen\.rows is 0/],
    [{ retrainWhen: { batches: 1.5 } }, /retrainWhen\.batches is 1\.5/],
    [{ retrainWhen: { orAfter: 'soon' as never } }, /orAfter/],
    [{ window: { batches: 0 } }, /window/],
    [{ window: { last: 'soon' as never } }, /window/],
    [{ window: 'some' as never }, /window/],
    [{ window: { batches: 1, last: '1 day' } as never }, /window/],
    [{ update: 'sometimes' as never }, /update/],
    [{ whileTraining: 'stop' as never }, /whileTraining is "stop"/],
    [{ retry: { attempts: 0 } }, /retry\.attempts is 0/],
    [{ retry: { attempts: 2, delay: 'soon' as never } }, /retry\.delay/],
  ] satisfies [Partial<ModelPolicy>, RegExp][])('(%#) that cannot be kept is refused', (options, message) => {
    expect(() => policyOf(options)).toThrow(message);
  });
});
