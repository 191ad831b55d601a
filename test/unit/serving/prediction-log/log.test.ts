import { describe, expect, it, vi } from 'vitest';
import { call, deploy, expected, floats, infer, query, serve } from '../support.js';
import { filesOf, irisRow, loggedRows, predictIris } from './support.js';
import { logFolder } from '../../../../serving/prediction-log/segment.js';

const { rows: irises, label, probabilities } = expected['iris-v1'];

describe('the prediction log', () => {
  it('has one line for each row of a request, with its features, prediction and probabilities', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'q', irises);
    await harness.server.close();
    const rows = await loggedRows(harness.dataDir);
    expect(rows.map(({ id, row }) => [id, row])).toEqual(irises.map((_, i) => ['q', i]));
    rows.forEach((row, i) => {
      expect(row).toMatchObject({
        version: '1',
        isShadow: false,
        prediction: String(label[i]),
        error: null,
        key: null,
      });
      const features = Object.values(row['x'] as object).flat() as number[];
      features.forEach((value, k) => expect(value).toBeCloseTo(irises[i]?.[k] as number, 5));
      (row['probabilities'] as number[]).forEach((p, k) => expect(p).toBeCloseTo(probabilities[i]?.[k] as number, 5));
      expect(Number(row['latencyMs'])).toBeGreaterThan(0);
      expect(Math.abs(Number(row['at']) - Date.now())).toBeLessThan(60_000);
    });
  });

  it('names a row by the id of the response, which every response has', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const { body } = await infer(harness.server, { inputs: [floats('X', [irisRow])] });
    const { id } = body as { id: string };
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await harness.server.close();
    expect(await loggedRows(harness.dataDir)).toMatchObject([{ id }]);
  });

  it('has columns and text of every kind', async () => {
    const harness = await serve();
    await deploy(harness, 'penguins');
    const { diet, weight } = expected.penguins;
    const inputs = [
      { name: 'diet', shape: [diet.length, 1], datatype: 'BYTES', data: diet },
      { name: 'weight', shape: [weight.length, 1], datatype: 'FP32', data: weight },
    ];
    expect(await infer(harness.server, { id: 'p', inputs })).toMatchObject({ status: 200 });
    await harness.server.close();
    const rows = await loggedRows(harness.dataDir);
    expect(rows.map((row) => row['prediction'])).toEqual(expected.penguins.label);
    expect(rows.map((row) => (row['x'] as { diet: string }).diet)).toEqual(diet);
  });

  it('writes failed requests down with the reason', async () => {
    const harness = await serve({ predictionLog: { sampling: 0 } });
    await deploy(harness, 'lookup');
    const index = { name: 'index', shape: [1], datatype: 'INT64', data: [99] };
    expect(await infer(harness.server, { id: 'bad', inputs: [index] })).toMatchObject({ status: 400 });
    await harness.server.close();
    expect(await loggedRows(harness.dataDir)).toMatchObject([
      { id: 'bad', prediction: null, error: expect.stringMatching(/cannot compute with these inputs/) },
    ]);
  });

  it('logs the share that is asked for, the same ids each time', async () => {
    const sampled: unknown[][] = [];
    for (let run = 0; run < 2; run++) {
      const harness = await serve({ predictionLog: { sampling: 0.3 } });
      await deploy(harness, 'times-2');
      const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
      await Promise.all(ids.map((id, i) => infer(harness.server, { id, inputs: [floats('x', [[i]])] })));
      await harness.server.close();
      sampled.push((await loggedRows(harness.dataDir)).map(({ id }) => id));
    }
    expect(sampled[0]).toEqual(sampled[1]);
    // Binomial with n = 200, p = 0.3: 60 ± 6 standard deviations of 6.5.
    expect(sampled[0]?.length).toBeGreaterThan(21);
    expect(sampled[0]?.length).toBeLessThan(99);
  });

  it('leaves the values of masked features out', async () => {
    const harness = await serve({ predictionLog: { mask: ['diet'] } });
    await deploy(harness, 'penguins');
    const inputs = [
      { name: 'diet', shape: [1, 1], datatype: 'BYTES', data: ['fish'] },
      { name: 'weight', shape: [1, 1], datatype: 'FP32', data: [4000] },
    ];
    await infer(harness.server, { id: 'p', inputs });
    await harness.server.close();
    expect(await loggedRows(harness.dataDir)).toMatchObject([{ x: { diet: null, weight: 4000 } }]);
  });

  it('takes no place where it is switched off', async () => {
    const harness = await serve({ predictionLog: false });
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'a');
    await harness.server.close();
    expect(await filesOf(harness.dataDir)).toEqual([]);
    await expect(call(harness.server, 'GET', '/evertrain/models/m/feedback')).rejects.toThrow();
  });

  it('keeps models apart whose names a file system takes for one, and takes every name', async () => {
    const names = ['Iris', 'iris', 'a/b', '..', '名'.repeat(200), '名'.repeat(199)];
    expect(new Set(names.map((name) => logFolder('', name).toLowerCase())).size).toBe(names.length);
    const harness = await serve();
    await deploy(harness, 'iris-v1', { model: '名'.repeat(200) });
    const path = `/v2/models/${encodeURIComponent('名'.repeat(200))}/infer`;
    await call(harness.server, 'POST', path, { id: 'x', inputs: [floats('X', [irisRow])] });
    await harness.server.close();
    expect(await loggedRows(harness.dataDir, '名'.repeat(200))).toMatchObject([{ id: 'x' }]);
  });

  it('closes segments by size and turns them into Parquet files, each row once', async () => {
    const harness = await serve({ predictionLog: { segmentBytes: 2_000 } });
    await deploy(harness, 'iris-v1');
    for (let i = 0; i < 100; i++) await predictIris(harness, `id-${String(i).padStart(3, '0')}`);
    await vi.waitFor(
      async () => {
        const files = await filesOf(harness.dataDir);
        expect(files.filter((name) => name.endsWith('.parquet')).length).toBeGreaterThan(1);
        expect(files.filter((name) => name.endsWith('.jsonl')).length).toBeLessThanOrEqual(1);
      },
      { timeout: 20_000, interval: 100 },
    );
    await harness.server.close();
    const rows = await loggedRows(harness.dataDir);
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => `id-${String(i).padStart(3, '0')}`));
    const folder = logFolder(harness.dataDir, 'm');
    const types = await query(`SELECT DISTINCT typeof(x) AS x, typeof(prediction) AS p FROM '${folder}/*.parquet'`);
    const columns = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'].map((name) => `${name} FLOAT`);
    expect(types).toEqual([{ x: `STRUCT(${columns.join(', ')})`, p: 'BIGINT' }]);
  });
});
