import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { belongsToShare } from '../../../serving/routing.js';
import type { Deployment } from '../../../workflows/sdk/model/deployment.js';
import { askFor, call, challengerOf, deploy, deploymentOf, floats, type Harness, live, put, serve } from './support.js';

type Entry = { loadedAt: string; requests: number; challenger?: { loadedAt: string; state: string; percent: number } };
const entryOf = async ({ server }: Harness): Promise<Entry> =>
  ((await call(server, 'GET', '/evertrain/models')).body as { models: Entry[] }).models[0] as Entry;

/** times-1 as version 1, and times-2 as its challenger, version 2. */
async function rollout(
  harness: Harness,
  changes: Partial<NonNullable<Deployment['challenger']>> = {},
): Promise<Deployment> {
  const champion = await deploy(harness, 'times-1');
  const challenger = await challengerOf(harness.store, 'times-2', changes);
  const deployment = { ...champion, stage: 1, challenger };
  expect(await put(harness, deployment)).toMatchObject({ status: 200, body: { changed: true, stage: 1 } });
  return deployment;
}

const versionsOf = async (harness: Harness, count: number): Promise<Record<string, number>> => {
  const seen: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { version = '', y } = await askFor(harness.server, 3);
    expect(y).toEqual([version === '1' ? 3 : 6]);
    seen[version] = (seen[version] ?? 0) + 1;
  }
  return seen;
};

describe('a challenger', () => {
  test('takes its share of the requests, and all or none of them at the ends', async () => {
    const harness = await serve();
    const deployment = await rollout(harness);
    const { challenger } = deployment;
    const half = await versionsOf(harness, 200);
    // Six standard deviations around a half.
    expect(half['2']).toBeGreaterThan(100 - 43);
    expect(half['2']).toBeLessThan(100 + 43);
    await put(harness, { ...deployment, stage: 2, challenger: { ...challenger, percent: 100 } });
    expect(await versionsOf(harness, 20)).toEqual({ 2: 20 });
    await put(harness, { ...deployment, stage: 3, challenger: { ...challenger, percent: 0 } });
    expect(await versionsOf(harness, 20)).toEqual({ 1: 20 });
  });

  test('answers what names it, whatever its share, as the promoted version does', async () => {
    const harness = await serve();
    await rollout(harness, { percent: 0 });
    expect(await askFor(harness.server, 3, { version: '2' })).toMatchObject({ version: '2', y: [6] });
    expect(await askFor(harness.server, 3, { version: '1' })).toMatchObject({ version: '1', y: [3] });
    expect(await askFor(harness.server, 3, { version: '3' })).toMatchObject({
      status: 404,
      error: expect.stringMatching(/serves versions 1 and 2, not 3/),
    });
    expect(await call(harness.server, 'GET', '/v2/models/m')).toMatchObject({ body: { versions: ['1', '2'] } });
    expect(await call(harness.server, 'GET', '/v2/models/m/versions/2')).toMatchObject({ body: { versions: ['2'] } });
    expect(await call(harness.server, 'GET', '/v2/models/m/versions/2/ready')).toMatchObject({ status: 200 });
  });

  test('keeps the keys that it has when its share grows', async () => {
    const harness = await serve();
    const deployment = await rollout(harness, { percent: 10 });
    const keys = Array.from({ length: 60 }, (_, i) => `customer-${i}`);
    const chosen = async (): Promise<string[]> => {
      const answers = await Promise.all(keys.map(async (key) => askFor(harness.server, 3, { key })));
      return keys.filter((_, i) => answers[i]?.version === '2');
    };
    const at10 = await chosen();
    expect(await chosen()).toEqual(at10);
    const challenger = { ...deployment.challenger, percent: 50 };
    await put(harness, { ...deployment, stage: 2, challenger });
    const at50 = await chosen();
    expect(at50).toEqual(expect.arrayContaining(at10));
    expect(at50.length).toBeGreaterThan(at10.length);
    for (const key of ['', 'k'.repeat(201)]) {
      expect(await askFor(harness.server, 3, { key })).toMatchObject({
        status: 400,
        error: expect.stringMatching(/x-evertrain-key.*1 to 200 characters/),
      });
    }
  });

  test('gets a share of keys that is near its percentage, another one for each model', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => String(i));
    const share = (percent: number, model: string): string[] => keys.filter((k) => belongsToShare(percent, model, k));
    for (const percent of [1, 10, 50]) {
      const expected = keys.length * (percent / 100);
      expect(Math.abs(share(percent, 'a').length - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
    const [a, b] = [new Set(share(10, 'a')), share(10, 'b')];
    const both = b.filter((key) => a.has(key)).length;
    expect(Math.abs(both - 200)).toBeLessThan(6 * Math.sqrt(200));
    expect(share(0, 'a')).toEqual([]);
    expect(share(100, 'a')).toHaveLength(keys.length);
  });

  test('is told by the response, whose id is that of the request or a new one', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const first = await askFor(harness.server, 3);
    const second = await askFor(harness.server, 3);
    expect(first.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(second.id).not.toBe(first.id);
    const named = await call(harness.server, 'POST', '/v2/models/m/infer', {
      id: 'mine',
      inputs: [floats('x', [[3]])],
    });
    expect(named).toMatchObject({ body: { id: 'mine' } });
  });
});

describe('a change of weights', () => {
  test('loads nothing, and an abort restores the same answers from the same session', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const text = async (): Promise<string> => {
      const response = await fetch(`${harness.server.address}/v2/models/m/infer`, {
        method: 'POST',
        body: JSON.stringify({ id: 'q', inputs: [floats('x', [[0.1], [-7]])] }),
      });
      return response.text();
    };
    const [before, answer] = [await entryOf(harness), await text()];
    const deployment = await rollout(harness);
    const { loadedAt } = (await entryOf(harness)).challenger as { loadedAt: string };
    // Nothing more can be loaded.
    await harness.store.delete(deployment.artifact.sha256);
    await harness.store.delete(deployment.challenger?.artifact.sha256 as string);
    for (const [stage, percent] of [
      [2, 10],
      [3, 100],
    ]) {
      const changed = { ...deployment, stage, challenger: { ...deployment.challenger, percent } } as Deployment;
      expect(await put(harness, changed)).toMatchObject({ status: 200, body: { changed: true } });
      expect(await put(harness, changed)).toMatchObject({ status: 200, body: { changed: false } });
      expect((await entryOf(harness)).challenger).toMatchObject({ loadedAt, percent });
    }
    const { challenger: _, ...alone } = deployment;
    expect(await put(harness, { ...alone, stage: 4 })).toMatchObject({ status: 200 });
    expect(await entryOf(harness)).toMatchObject({ version: '1', loadedAt: before.loadedAt });
    expect(await entryOf(harness)).not.toHaveProperty('challenger');
    expect(await text()).toBe(answer);
    expect(await askFor(harness.server, 3, { version: '2' })).toMatchObject({ status: 404 });
  });

  test('to the promotion of the challenger keeps its session', async () => {
    const harness = await serve();
    const { challenger } = await rollout(harness);
    const loadedAt = (await entryOf(harness)).challenger?.loadedAt;
    const { percent: _, ...promoted } = challenger as NonNullable<Deployment['challenger']>;
    await harness.store.delete(promoted.artifact.sha256);
    expect(await put(harness, { ...promoted, model: 'm', revision: 2 })).toMatchObject({ status: 200 });
    expect(await entryOf(harness)).toMatchObject({ version: '2', revision: 2, stage: 0, loadedAt });
    expect(await askFor(harness.server, 3)).toMatchObject({ version: '2', y: [6] });
  });

  test('of an earlier stage or revision, or of the same with other content, is fenced off', async () => {
    const harness = await serve();
    const deployment = await rollout(harness);
    const { challenger } = deployment;
    const at = (revision: number, stage: number, percent: number): object => ({
      ...{ ...deployment, revision, stage },
      challenger: { ...challenger, percent },
    });
    expect(await put(harness, at(1, 3, 20))).toMatchObject({ status: 200 });
    for (const late of [at(1, 2, 20), at(1, 3, 21), at(0, 9, 20)]) {
      expect(await put(harness, late)).toMatchObject({
        status: 409,
        body: { code: 'SYSTEM_FENCED', error: expect.stringMatching(/holds revision 1, stage 3 \(version 1\)/) },
      });
    }
    expect((await entryOf(harness)).challenger).toMatchObject({ percent: 20 });
    expect(await put(harness, at(2, 0, 20))).toMatchObject({ status: 200 });
  });
});

describe('a challenger that cannot stand in is refused, and the state before stays', () => {
  const refused = async (harness: Harness, deployment: Deployment, error: RegExp): Promise<void> => {
    const before = await entryOf(harness);
    expect(await put(harness, deployment)).toMatchObject({
      status: 422,
      body: { code: 'SYSTEM_DEPLOY_FAILED', error: expect.stringMatching(error) },
    });
    expect(await entryOf(harness)).toEqual(before);
    const record = await readFile(join(harness.dataDir, 'serving', 'deployments.json'), 'utf8');
    expect(JSON.parse(record)).toMatchObject({ deployments: [{ version: '1', revision: 1 }] });
    expect(record).not.toContain('challenger');
  };

  test('for another signature', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    for (const [fixture, error] of [
      ['iris-v1', /m version 2 .*cannot stand in for version 1: it has no input x/],
      ['lookup', /it has no input x/],
    ] as const) {
      await refused(harness, { ...champion, stage: 1, challenger: await challengerOf(harness.store, fixture) }, error);
    }
  });

  test('for a file that does not load, and for its golden request', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    const noise = await harness.store.put(Buffer.from('no model'), 'application/onnx');
    const good = await challengerOf(harness.store, 'times-2');
    const golden = {
      request: { inputs: [floats('x', [[3]])] },
      response: { outputs: [{ name: 'y', shape: [1, 1], datatype: 'FP32', data: [3] }] },
    };
    await refused(harness, { ...champion, stage: 1, challenger: { ...good, artifact: noise } }, /cannot be loaded/);
    await refused(harness, { ...champion, stage: 1, challenger: { ...good, golden } }, /6 instead of 3 at position 0/);
    // A version that serves is asked too.
    expect(await put(harness, { ...champion, stage: 1, challenger: good })).toMatchObject({
      status: 200,
    });
    const asked = { ...champion, stage: 2, challenger: { ...good, golden } };
    expect(await put(harness, asked)).toMatchObject({ status: 422 });
    expect((await entryOf(harness)).challenger).toMatchObject({ state: 'ready' });
  });

  test('with a new champion, of which nothing stays either', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const next = await deploymentOf(harness.store, 'times-2', { version: '3', revision: 2 });
    await refused(harness, { ...next, challenger: await challengerOf(harness.store, 'iris-v1') }, /no input x/);
  });
});

describe('a document', () => {
  const cases: [name: string, ofChallenger: object, ofDocument: object, error: RegExp][] = [
    ['a percentage over 100', { percent: 130 }, {}, /challenger\.percent/],
    ['a negative percentage', { percent: -1 }, {}, /challenger\.percent/],
    ['a percentage that is no number', { percent: Number.NaN }, {}, /challenger\.percent/],
    ['a percentage as text', { percent: '50' }, {}, /challenger\.percent/],
    ['no percentage', { percent: undefined }, {}, /challenger\.percent/],
    ['the champion as challenger', { version: '1' }, {}, /challenger\.version: a challenger is another/],
    ['a shadow as text', { isShadow: 'yes' }, {}, /challenger\.isShadow/],
    ['half a stage', {}, { stage: 1.5 }, /stage/],
    ['a negative stage', {}, { stage: -1 }, /stage/],
    ['a stage as text', {}, { stage: '1' }, /stage/],
  ];

  test.each(cases)('with %s is refused with 400', async (_name, ofChallenger, ofDocument, error) => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    const challenger = { ...(await challengerOf(harness.store, 'times-2')), ...ofChallenger };
    expect(await put(harness, { ...champion, stage: 1, challenger, ...ofDocument })).toMatchObject({
      status: 400,
      body: { code: 'USER_INPUT_INVALID', error: expect.stringMatching(error) },
    });
    expect(await entryOf(harness)).toMatchObject({ stage: 0 });
  });
});

describe('an error of the challenger', () => {
  test.each([
    ['that throws', 'guarded', 99],
    ['that answers NaN', 'logarithm', -1],
    ['that answers infinity', 'logarithm', 0],
    ['that answers too few rows', 'first-row', [3, 4]],
  ] as const)('%s costs nobody: the champion answers, and it is counted', async (_name, fixture, bad) => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    const challenger = await challengerOf(harness.store, fixture, { percent: 100 });
    await put(harness, { ...champion, stage: 1, challenger });
    expect(await askFor(harness.server, 1)).toMatchObject({ status: 200, version: '2' });
    expect(await askFor(harness.server, bad)).toMatchObject({ status: 200, version: '1', y: [bad].flat() });
    expect(await live(harness.server)).toMatchObject({
      versions: { 1: { requests: 1, errors: 0 }, 2: { requests: 2, errors: 1 } },
    });
  });

  test('is no error where the champion too answers another number of rows', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'first-row');
    expect(await askFor(harness.server, [3, 4])).toMatchObject({ y: [3] });
    const challenger = await challengerOf(harness.store, 'first-row', { percent: 100 });
    await put(harness, { ...champion, stage: 1, challenger });
    expect(await askFor(harness.server, [3, 4])).toMatchObject({ version: '2', y: [3] });
    expect(await live(harness.server)).toMatchObject({ versions: { 1: { errors: 0 }, 2: { errors: 0 } } });
  });

  test('is told to whom names it', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'times-1');
    const challenger = await challengerOf(harness.store, 'guarded', { percent: 0 });
    await put(harness, { ...champion, stage: 1, challenger });
    expect(await askFor(harness.server, 99, { version: '2' })).toMatchObject({ status: 400 });
  });

  test('that the champion shares is told as before, and counted against both', async () => {
    const harness = await serve();
    const champion = await deploy(harness, 'logarithm');
    const challenger = await challengerOf(harness.store, 'logarithm', { percent: 100 });
    await put(harness, { ...champion, stage: 1, challenger });
    expect(await askFor(harness.server, -1)).toMatchObject({
      status: 400,
      error: expect.stringMatching(/answers NaN in y for row 0/),
    });
    expect(await live(harness.server)).toMatchObject({ versions: { 1: { errors: 1 }, 2: { errors: 1 } } });
  });
});

describe('a restart during a rollout', () => {
  test('loads both, and goes on with the split', async () => {
    const first = await serve();
    const deployment = await rollout(first, { percent: 100 });
    await first.server.close();
    const second = await serve({ dataDir: first.dataDir });
    expect(await askFor(second.server, 3)).toMatchObject({ version: '2', y: [6] });
    expect(await askFor(second.server, 3, { version: '1' })).toMatchObject({ y: [3] });
    expect(await put(second, deployment)).toMatchObject({ status: 200, body: { changed: false } });
    expect(await put(second, { ...deployment, stage: 0 })).toMatchObject({ status: 409 });
  });

  test('lets the champion serve alone when the challenger cannot be loaded, and health tells it', async () => {
    const first = await serve();
    const deployment = await rollout(first, { percent: 100 });
    await first.server.close();
    await first.store.delete(deployment.challenger?.artifact.sha256 as string);
    const second = await serve({ dataDir: first.dataDir });
    expect(await askFor(second.server, 3)).toMatchObject({ version: '1', y: [3] });
    const reason = expect.stringMatching(/version 2 is not deployed.*SYSTEM_ARTIFACT_MISSING/);
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({
      status: 200,
      body: {
        ready: true,
        models: [
          { name: 'm', version: '1', state: 'ready' },
          { name: 'm', version: '2', state: 'failed', reason },
        ],
        failed: [{ name: 'm', version: '2', reason }],
      },
    });
    expect(await askFor(second.server, 3, { version: '2' })).toMatchObject({ status: 503 });
    expect(await put(second, deployment)).toMatchObject({ status: 422 });
    await challengerOf(second.store, 'times-2');
    expect(await put(second, deployment)).toMatchObject({ status: 200, body: { changed: true } });
    expect(await askFor(second.server, 3)).toMatchObject({ version: '2' });
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({ body: { failed: [] } });
  });
});
