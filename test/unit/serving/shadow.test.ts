import { describe, expect, test } from 'vitest';
import type { Prediction } from '../../../serving/prediction.js';
import type { Deployment } from '../../../workflows/sdk/model/deployment.js';
import type { LiveCounts } from '../../../workflows/sdk/model/live-report.js';
import { askFor, challengerOf, deploy, type Fixture, type Harness, live, put, serve, until } from './support.js';

/** times-1 as version 1, and a shadow of it as version 2 that computes everything. */
async function shadowed(harness: Harness, fixture: Fixture): Promise<Deployment> {
  const champion = await deploy(harness, 'times-1');
  const challenger = await challengerOf(harness.store, fixture, { percent: 100, isShadow: true });
  const deployment = { ...champion, stage: 1, challenger };
  expect(await put(harness, deployment)).toMatchObject({ status: 200 });
  return deployment;
}

const countsOf = async ({ server }: Harness, version: string): Promise<LiveCounts> =>
  (await live(server)).versions[version] as LiveCounts;

describe('a shadow', () => {
  test('computes its share after the champion has answered, and is counted', async () => {
    const harness = await serve();
    await shadowed(harness, 'times-2');
    for (let i = 0; i < 5; i++) expect(await askFor(harness.server, 3)).toMatchObject({ version: '1', y: [3] });
    await until(async () => (await countsOf(harness, '2')).requests === 5);
    expect(await countsOf(harness, '1')).toMatchObject({ requests: 5, errors: 0 });
    expect(await countsOf(harness, '2')).toMatchObject({ errors: 0 });
  });

  test.each([
    ['throw', 'guarded', 99],
    ['NaN', 'logarithm', -1],
    ['wrong rows', 'first-row', [3, 4]],
  ] as const)('fails in silence, and it is counted: %s', async (_name, fixture, bad) => {
    const harness = await serve();
    await shadowed(harness, fixture);
    expect(await askFor(harness.server, bad)).toMatchObject({ status: 200, version: '1', y: [bad].flat() });
    await until(async () => (await countsOf(harness, '2')).errors === 1);
    expect(await countsOf(harness, '1')).toMatchObject({ requests: 1, errors: 0 });
  });

  test('leaves out what it has no time for', async () => {
    const harness = await serve({ maxWaiting: 5_000 });
    await shadowed(harness, 'times-2');
    const rows = Array.from({ length: 20_000 }, (_, i) => i);
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => askFor(harness.server, i % 3 ? 1 : rows)),
    );
    expect(answers.every(({ status, version }) => status === 200 && version === '1')).toBe(true);
    const dropped = async (): Promise<number> => {
      const text = await (await fetch(`${harness.server.address}/metrics`)).text();
      return Number(/evertrain_shadows_dropped_total\{model="m",version="2"\} (\d+)/.exec(text)?.[1]);
    };
    await until(async () => (await countsOf(harness, '2')).requests + (await dropped()) === 300);
    expect((await countsOf(harness, '1')).requests).toBe(300);
  });

  test('is waited for when the server closes', async () => {
    const seen: Prediction[] = [];
    const harness = await serve({ observe: (prediction) => seen.push(prediction) });
    await shadowed(harness, 'times-2');
    await Promise.all(Array.from({ length: 20 }, async () => askFor(harness.server, 3)));
    await harness.server.close();
    expect(seen.filter(({ isShadow }) => isShadow)).toHaveLength(20);
  });
});

describe('an observer', () => {
  test('is told each computed request once: a failed attempt and the answer after it, with its key', async () => {
    const seen: Prediction[] = [];
    const harness = await serve({ observe: (prediction) => seen.push(prediction) });
    const champion = await deploy(harness, 'times-1');
    const challenger = await challengerOf(harness.store, 'guarded', { percent: 100 });
    await put(harness, { ...champion, stage: 1, challenger });
    const from = Date.now();
    const { id } = await askFor(harness.server, 99, { key: 'k' });
    await until(() => seen.length === 2);
    const inputs = new Map([['x', { datatype: 'FP32', shape: [1, 1], data: Float32Array.of(99) }]]);
    const common = { id, model: 'm', key: 'k', isShadow: false, inputs };
    expect(seen).toMatchObject([
      { ...common, version: '2', error: expect.stringMatching(/cannot compute with these inputs/) },
      {
        ...common,
        version: '1',
        outputs: new Map([['y', { datatype: 'FP32', shape: [1, 1], data: Float32Array.of(99) }]]),
      },
    ]);
    expect(seen[0]).not.toHaveProperty('outputs');
    expect(seen[1]).not.toHaveProperty('error');
    for (const { at, latencyMs } of seen) {
      expect(at).toBeGreaterThanOrEqual(from);
      expect(at).toBeLessThanOrEqual(Date.now());
      expect(latencyMs).toBeGreaterThan(0);
    }
  });

  test('is not told what is refused as malformed', async () => {
    const seen: Prediction[] = [];
    const harness = await serve({ observe: (prediction) => seen.push(prediction) });
    await deploy(harness, 'iris-v1');
    expect(await askFor(harness.server, 3)).toMatchObject({ status: 400 });
    await harness.server.close();
    expect(seen).toEqual([]);
  });

  test('that throws fails no request', async () => {
    const harness = await serve({
      observe: () => {
        throw new Error('disk full');
      },
    });
    await deploy(harness, 'times-1');
    expect(await askFor(harness.server, 3)).toMatchObject({ status: 200, y: [3] });
    await until(() => harness.log.length > 0);
    expect(harness.log).toEqual([expect.stringMatching(/was not observed: Error: disk full/)]);
  });
});
