import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { DataGathering } from '../../../client/data-gathering.js';
import { Model } from '../../../client/model-handle.js';
import type { Batch } from '../../../workflows/sdk/model/batch.js';

interface Signal {
  readonly model: string;
  readonly ids: readonly string[];
  readonly bytes: number;
  readonly withinMs: number | undefined;
  readonly at: number;
  /** The engine has recorded it. */
  readonly record: () => void;
  readonly refuse: (error: Error) => void;
}

const batch = (id: string, text = ''): Batch => ({ id, uri: `file:/${id}`, rows: 1, attributes: { text } });
const batches = (count: number, text?: string) => Array.from({ length: count }, (_, n) => batch(`b-${n}`, text));

/** An engine that keeps each signal until the test says what becomes of it, or records it at once. */
function gathering(recordsAtOnce = false) {
  const signals: Signal[] = [];
  const data = new DataGathering((model, sent, withinMs) => {
    const ids = sent.map(({ id }) => id);
    const told = { model, ids, bytes: Buffer.byteLength(JSON.stringify(sent)), withinMs, at: performance.now() };
    return new Promise((record, refuse) => {
      signals.push({ ...told, record, refuse });
      if (recordsAtOnce) record();
    });
  });
  const signal = (n: number) => expect.poll(() => signals[n], { interval: 2 }).toBeDefined();
  return { data, signals, signal };
}

/** What has become of calls, in the order in which they ended. */
function ends(calls: Readonly<Record<string, Promise<void>>>): string[] {
  const told: string[] = [];
  for (const [name, call] of Object.entries(calls)) {
    call.then(
      () => told.push(name),
      (error: Error) => told.push(`${name}: ${error.message}`),
    );
  }
  return told;
}

describe('what is told to a model', () => {
  it('goes at once and by itself when nothing is in flight, and without a limit of ours', async () => {
    const { data, signals } = gathering(true);
    const sent = data.send('m', [batch('a')]);
    expect(signals).toMatchObject([{ model: 'm', ids: ['a'], withinMs: undefined }]);
    await sent;
  });

  it('while a signal is in flight goes with the next, in order, and ends when that is recorded', async () => {
    const { data, signals, signal } = gathering();
    const first = data.send('m', [batch('a')]);
    const more = ['b', 'c', 'd'].map((id) => data.send('m', [batch(id)]));
    const told = ends({ first, b: more[0] as Promise<void>, d: more[2] as Promise<void> });
    expect(signals).toHaveLength(1);
    signals[0]?.record();
    await signal(1);
    expect(told).toEqual(['first']);
    expect(signals[1]).toMatchObject({ ids: ['b', 'c', 'd'], withinMs: 15_000 });
    signals[1]?.record();
    await Promise.all(more);
    expect(told).toEqual(['first', 'b', 'd']);
  });

  it('within 50 ms after a signal waits for the rest of them', async () => {
    const { data, signals } = gathering(true);
    await data.send('m', [batch('a')]);
    const later = data.send('m', [batch('b')]);
    await Promise.all([later, data.send('m', [batch('c')])]);
    expect(signals.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
    expect((signals[1]?.at ?? 0) - (signals[0]?.at ?? 0)).toBeGreaterThanOrEqual(40);
  });

  it('does not wait for what is told to another model', async () => {
    const { data, signals } = gathering();
    const sent = [data.send('m', [batch('a')]), data.send('n', [batch('a')])];
    expect(signals.map(({ model }) => model)).toEqual(['m', 'n']);
    for (const { record } of signals) record();
    await Promise.all(sent);
  });

  it('goes in signals of at most 200 batches', async () => {
    const { data, signals } = gathering(true);
    await Promise.all(batches(450).map((one) => data.send('m', [one])));
    expect(signals.map(({ ids }) => ids.length)).toEqual([1, 200, 200, 49]);
    expect(signals.flatMap(({ ids }) => ids)).toEqual(batches(450).map(({ id }) => id));
    await data.send('n', batches(450));
    expect(signals.slice(4).map(({ ids }) => ids.length)).toEqual([200, 200, 50]);
  });

  it('goes in signals of at most 500 KB, and one that is larger alone', async () => {
    const { data, signals } = gathering(true);
    const large = [...batches(12, 'é'.repeat(50_000)), batch('largest', 'x'.repeat(600_000)), batch('small')];
    await data.send('m', large);
    expect(signals.map(({ ids }) => ids.length)).toEqual([4, 4, 4, 1, 1]);
    expect(Math.max(...signals.slice(0, 3).map(({ bytes }) => bytes))).toBeLessThanOrEqual(500_000);
  });

  it('fails with the signal that carried it; what was told meanwhile is sent', async () => {
    const { data, signals, signal } = gathering();
    const calls = { a: data.send('m', [batch('a')]), b: data.send('m', [batch('b')]), c: data.send('m', [batch('c')]) };
    const told = ends(calls);
    signals[0]?.record();
    await signal(1);
    const d = data.send('m', [batch('d')]);
    const away = new Error('away');
    signals[1]?.refuse(away);
    await expect(calls.b).rejects.toBe(away);
    await expect(calls.c).rejects.toBe(away);
    await signal(2);
    expect(signals[2]?.ids).toEqual(['d']);
    signals[2]?.record();
    await d;
    expect(told).toEqual(['a', 'b: away', 'c: away']);
  });

  it('is not sent on when part of its call has failed', async () => {
    const { data, signals, signal } = gathering();
    const many = data.send('m', batches(500));
    const one = data.send('m', [batch('one')]);
    signals[0]?.refuse(new Error('away'));
    await expect(many).rejects.toThrow('away');
    await signal(1);
    expect(signals[1]?.ids).toEqual(['one']);
    signals[1]?.record();
    await one;
  });

  it('goes in the context of its call when it goes alone, and else in none of them', async () => {
    const contexts = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const data = new DataGathering(async () => void seen.push(contexts.getStore()));
    const tell = (name: string, id: string) => contexts.run(name, () => data.send('m', [batch(id)]));
    await Promise.all([tell('first', 'a'), tell('second', 'b'), tell('third', 'c')]);
    await tell('fourth', 'd');
    expect(seen).toEqual(['first', undefined, 'fourth']);
  });

  it('is waited for by close, which takes nothing more', async () => {
    const { data, signals, signal } = gathering();
    const sent = [data.send('m', [batch('a')]), data.send('m', [batch('b')]), data.send('n', [batch('c')])];
    const closed = data.close();
    const told = ends({ closed });
    await expect(data.send('m', [batch('late')])).rejects.toMatchObject({ code: 'SYSTEM_FAILED' });
    signals[0]?.record();
    signals[1]?.record();
    await signal(2);
    expect(told).toEqual([]);
    expect(signals[2]?.ids).toEqual(['b']);
    signals[2]?.refuse(new Error('away'));
    await closed;
    await expect(sent[1]).rejects.toThrow('away');
    await data.close();
  });
});

describe('a handle of a model', () => {
  const handle = (data: DataGathering) => new Model({ data } as never, 'm', () => Promise.reject());

  it('shares signals with the other handles of its connection', async () => {
    const { data, signals } = gathering(true);
    const told = ['a', 'b', 'c'].map((id) => handle(data).dataArrived(batch(id)));
    await Promise.all([...told, handle(data).dataArrived([batch('d'), batch('e')])]);
    expect(signals.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c', 'd', 'e']]);
  });

  it('refuses a list of which one is no batch, by its index, and sends none of it', async () => {
    const { data, signals } = gathering(true);
    const wrong = handle(data).dataArrived([batch('a'), batch('b'), { ...batch('c'), rows: -1 }, batch('d')]);
    await expect(wrong).rejects.toMatchObject({ code: 'USER_SIGNAL_INVALID' });
    await expect(wrong).rejects.toThrow('Batch [2] for model "m" has rows -1.');
    await handle(data).dataArrived([]);
    expect(signals).toEqual([]);
  });
});
