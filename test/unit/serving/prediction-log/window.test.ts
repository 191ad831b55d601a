import { describe, expect, it, vi } from 'vitest';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { type Answer, call, deploy, floats, type Harness, infer, query, serve } from '../support.js';
import { filesOf, irisRow, type LoggedRow, predictIris } from './support.js';

const ask4 = ({ server }: Harness, request: unknown): Promise<Answer> =>
  call(server, 'POST', '/evertrain/models/m/window', request);

const since = '2000-01-01T00:00:00Z';

/** Rows of the artifact that a window was written to, and their number as the answer has it. */
async function windowOf(harness: Harness, request: object = {}): Promise<{ rows: number; table: LoggedRow[] }> {
  const { status, body } = await ask4(harness, { since, ...request });
  const { rows, artifact } = body as { rows: number; artifact: Artifact };
  expect(status, JSON.stringify(body)).toBe(200);
  expect(artifact.mediaType).toBe('application/vnd.apache.parquet');
  const table = await query(`SELECT * FROM read_parquet('${await harness.store.materialize(artifact)}')`);
  return { rows, table };
}

describe('a window', () => {
  it('is a table of features, prediction, time and version', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'a');
    const { rows, table } = await windowOf(harness);
    expect(rows).toBe(1);
    const [row] = table;
    expect(Object.keys(row ?? {})).toEqual([
      ...['sepal_length', 'sepal_width', 'petal_length', 'petal_width'],
      ...['prediction', 'at', 'version'],
    ]);
    expect(row?.['sepal_length']).toBeCloseTo(irisRow[0] as number, 5);
    expect(row).toMatchObject({ prediction: '0', version: '1' });
    expect(Math.abs(Date.parse(`${String(row?.['at'])}Z`) - Date.now())).toBeLessThan(60_000);
  });

  it('has the rows of a time and a version, in Parquet and not yet, and no failed ones', async () => {
    const harness = await serve({ predictionLog: { segmentBytes: 1_000 } });
    await deploy(harness, 'times-1');
    const predict = (id: string, x: number) => infer(harness.server, { id, inputs: [floats('x', [[x]])] });
    for (let i = 0; i < 20; i++) await predict(`a${i}`, i);
    await vi.waitFor(
      async () => expect((await filesOf(harness.dataDir)).some((name) => name.endsWith('.parquet'))).toBe(true),
      { timeout: 20_000 },
    );
    const answered = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(answered), { interval: 1 });
    const between = new Date().toISOString();
    await deploy(harness, 'times-2', { version: '2', revision: 2 });
    for (let i = 0; i < 3; i++) await predict(`b${i}`, i);
    expect((await windowOf(harness)).rows).toBe(23);
    const second = await windowOf(harness, { version: '2' });
    expect(second.table.map((row) => [row['x'], row['prediction'], row['version']])).toEqual([
      [0, 0, '2'],
      [1, 2, '2'],
      [2, 4, '2'],
    ]);
    expect((await windowOf(harness, { since: between })).rows).toBe(3);
    expect((await windowOf(harness, { until: between })).rows).toBe(20);
    expect(await ask4(harness, { since, version: '3' })).toEqual({ status: 200, body: { rows: 0 } });
    expect(await ask4(harness, { since: '2100-01-01' })).toEqual({ status: 200, body: { rows: 0 } });
  });

  it('of many rows is a sample, the same each time', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const data = Array.from({ length: 5_000 }, (_, i) => [i]);
    await infer(harness.server, { id: 'many', inputs: [floats('x', data)] });
    const first = await windowOf(harness, { maxRows: 500 });
    expect([first.rows, first.table.length]).toEqual([500, 500]);
    expect((await windowOf(harness, { maxRows: 500 })).table).toEqual(first.table);
    // The mean of 500 of 0..4999 without replacement: 2499.5, standard error 61; within 5 of them.
    const mean = first.table.reduce((sum, row) => sum + Number(row['x']), 0) / 500;
    expect(Math.abs(mean - 2499.5)).toBeLessThan(5 * 61.2);
  });

  it.each([
    [{}, /since/],
    [{ since: 'yesterday' }, /since is "yesterday"; expected a time in ISO 8601/],
    [{ since, until: 5 }, /until/],
    [{ since, maxRows: 0 }, /maxRows/],
    [{ since, maxRows: 1e9 }, /maxRows/],
    [{ since, versions: ['1'] }, /versions/],
    [[], /not a window/],
  ])('asked for as %j is refused', async (request, error) => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    expect(await ask4(harness, request)).toMatchObject({ status: 400, body: { error: expect.stringMatching(error) } });
  });
});
