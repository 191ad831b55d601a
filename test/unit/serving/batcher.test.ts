import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Batcher, type Computation } from '../../../serving/batcher.js';
import { OnnxSession } from '../../../serving/onnx-session.js';
import type { Tensor } from '../../../serving/tensor.js';
import { expected, type Fixture, fixturePath } from './support.js';

const open: OnnxSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

/** A real session that tells the row counts of its computations. */
async function counted(fixture: Fixture): Promise<{ session: Computation; runs: number[] }> {
  const session = await OnnxSession.load(await readFile(fixturePath(fixture)), fixture);
  open.push(session);
  const runs: number[] = [];
  const run: Computation['run'] = (inputs, outputs) => {
    runs.push([...inputs.values()][0]?.shape[0] ?? 0);
    return session.run(inputs, outputs);
  };
  return { session: { inputs: session.inputs, outputs: session.outputs, run }, runs };
}

const floats = (...rows: (readonly number[])[]): Tensor => ({
  datatype: 'FP32',
  shape: [rows.length, rows[0]?.length ?? 0],
  data: Float32Array.from(rows.flat()),
});
const x = (...values: number[]): Map<string, Tensor> => new Map([['x', floats(...values.map((v) => [v]))]]);
const y = (answer: Map<string, Tensor>): number[] => Array.from((answer.get('y') as Tensor).data as Float32Array);
const indices = (...values: number[]): Map<string, Tensor> =>
  new Map([['index', { datatype: 'INT64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }]]);

describe('requests that wait together', () => {
  test('are computed together once proven, with the answers that each gets alone', async () => {
    const { session, runs } = await counted('iris-v1');
    const batcher = new Batcher(session, { maxBatch: 64 });
    const requests = expected['iris-v1'].rows.map((row) => new Map([['X', floats(row)]]));
    const outputs = ['label', 'probabilities'];
    const alone = await Promise.all(requests.map((inputs) => session.run(inputs, outputs)));
    const ask = (): Promise<Map<string, Tensor>[]> =>
      Promise.all(requests.map((inputs) => batcher.infer(inputs, outputs)));
    await ask();
    runs.length = 0;
    const together = await ask();
    expect(runs).toEqual([15]);
    together.forEach((answer, i) => {
      expect(answer.get('label')).toEqual(alone[i]?.get('label'));
      const [got, want] = [answer, alone[i] as Map<string, Tensor>].map((a) => a.get('probabilities') as Tensor);
      expect(got?.shape).toEqual([1, 3]);
      ((want as Tensor).data as Float32Array).forEach((p, k) => expect(got?.data[k]).toBeCloseTo(p, 6));
    });
  });

  test('fill at most maxBatch rows, keep their order and their sizes; a larger one computes alone', async () => {
    const { session, runs } = await counted('times-2');
    const batcher = new Batcher(session, { maxBatch: 4 });
    await Promise.all([batcher.infer(x(1), ['y']), batcher.infer(x(2), ['y'])]);
    runs.length = 0;
    const answers = await Promise.all(
      [x(1, 2), x(3), x(4, 5), x(6, 7, 8, 9, 10), x(11)].map((inputs) => batcher.infer(inputs, ['y'])),
    );
    expect(answers.map(y)).toEqual([[2, 4], [6], [8, 10], [12, 14, 16, 18, 20], [22]]);
    expect(runs).toEqual([4, 2, 5]);
  });

  test('are joined only where inputs and outputs agree', async () => {
    const { session, runs } = await counted('iris-v1');
    const batcher = new Batcher(session, { maxBatch: 64 });
    const [a, b] = expected['iris-v1'].rows.map((row) => new Map([['X', floats(row)]])) as [
      Map<string, Tensor>,
      Map<string, Tensor>,
    ];
    const ask = (): Promise<unknown> =>
      Promise.all([batcher.infer(a, ['label']), batcher.infer(b, ['probabilities']), batcher.infer(b, ['label'])]);
    await ask();
    runs.length = 0;
    await ask();
    expect(runs).toEqual([2, 1]);
  });

  test('fail alone: a bad row leaves the requests beside it unharmed', async () => {
    const { session, runs } = await counted('lookup');
    const batcher = new Batcher(session, { maxBatch: 64 });
    await Promise.all([batcher.infer(indices(0), ['value']), batcher.infer(indices(1), ['value'])]);
    runs.length = 0;
    const settled = await Promise.allSettled(
      [indices(2), indices(99), indices(4, 3)].map((i) => batcher.infer(i, ['value'])),
    );
    expect(
      settled.map((s) =>
        s.status === 'fulfilled' ? Array.from(s.value.get('value')?.data as Float32Array) : s.reason.code,
      ),
    ).toEqual([[12], 'USER_INPUT_INVALID', [14, 13]]);
    expect(runs).toEqual([4, 1, 1, 2]);
  });
});

test('a model whose rows depend on each other is found out by the first batch and never batched', async () => {
  const { session, runs } = await counted('centred');
  const log: string[] = [];
  const batcher = new Batcher(session, { maxBatch: 64, log: (line) => log.push(line) });
  const ask = async (): Promise<number[][]> =>
    (await Promise.all([x(1), x(5), x(1, 3)].map((i) => batcher.infer(i, ['y'])))).map(y);
  // Equal rows prove nothing: their mean is their own.
  await Promise.all([batcher.infer(x(2), ['y']), batcher.infer(x(2), ['y'])]);
  expect(await ask()).toEqual([[0], [0], [-1, 1]]);
  await batcher.infer(x(1), ['y']);
  expect(batcher.batching).toBe(false);
  expect(log).toEqual([expect.stringMatching(/depend on each other/)]);
  runs.length = 0;
  expect(await ask()).toEqual([[0], [0], [-1, 1]]);
  expect(runs).toEqual([1, 1, 2]);
});

test('a maximum of one row switches batching off', async () => {
  const { session, runs } = await counted('times-1');
  const batcher = new Batcher(session, { maxBatch: 1 });
  expect((await Promise.all([x(1), x(2)].map((i) => batcher.infer(i, ['y'])))).map(y)).toEqual([[1], [2]]);
  expect(runs).toEqual([1, 1]);
});
