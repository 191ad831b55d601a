import { describe, expect, test } from 'vitest';
import type { ArtifactStore } from '../../../activities/sdk/ports.js';
import { askFor, call, challengerOf, deploy, deploymentOf, type Harness, live, put, serve, until } from './support.js';

/** times-1 and times-2 have 110 bytes each. */
const one = 110;

const states = async ({ server }: Harness): Promise<Record<string, string>> => {
  const { body } = await call(server, 'GET', '/evertrain/models');
  const { models } = body as { models: { name: string; state: string }[] };
  return Object.fromEntries(models.map(({ name, state }) => [name, state]));
};

/** The store, and how often something was read from it. */
function counted(store: ArtifactStore): { store: ArtifactStore; reads: () => number } {
  let reads = 0;
  const materialize: ArtifactStore['materialize'] = (artifact) => {
    reads++;
    return store.materialize(artifact);
  };
  return { store: Object.assign(Object.create(store) as ArtifactStore, { materialize }), reads: () => reads };
}

describe('beyond its bytes of models the server', () => {
  test('unloads the one that was asked longest ago, and loads it again when asked', async () => {
    const harness = await serve({ maxModelBytes: 2 * one });
    await deploy(harness, 'times-1', { model: 'a' });
    await deploy(harness, 'times-2', { model: 'b' });
    await askFor(harness.server, 3, { model: 'b' });
    await askFor(harness.server, 3, { model: 'a' });
    await deploy(harness, 'times-2', { model: 'c' });
    expect(await states(harness)).toEqual({ a: 'ready', b: 'unloaded', c: 'ready' });
    expect(await call(harness.server, 'GET', '/v2/health/ready')).toMatchObject({ status: 200, body: { failed: [] } });
    expect(await call(harness.server, 'GET', '/v2/models/b/ready')).toMatchObject({ status: 200 });
    expect(await states(harness)).toMatchObject({ b: 'unloaded' });
    expect(await askFor(harness.server, 3, { model: 'b' })).toMatchObject({ status: 200, y: [6] });
    expect(await states(harness)).toMatchObject({ b: 'ready' });
    expect(Object.values(await states(harness)).filter((state) => state === 'ready')).toHaveLength(2);
    expect((await live(harness.server, 'b')).versions['1']).toMatchObject({ requests: 2 });
  });

  test('loads once for all that wait', async () => {
    const plain = await serve();
    const { store, reads } = counted(plain.store);
    const harness = await serve({ store, maxModelBytes: one });
    await deploy(harness, 'times-1', { model: 'a' });
    await deploy(harness, 'times-2', { model: 'b' });
    expect(await states(harness)).toEqual({ a: 'unloaded', b: 'ready' });
    const before = reads();
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => askFor(harness.server, 3, { model: 'a' })),
    );
    expect(answers.every(({ status, y }) => status === 200 && y?.[0] === 3)).toBe(true);
    expect(reads() - before).toBe(1);
    expect(await states(harness)).toEqual({ a: 'ready', b: 'unloaded' });
  });

  test('is ready while it loads one again, and lets only so many wait for it', async () => {
    const plain = await serve();
    let release = (): void => {};
    let gate = Promise.resolve();
    const materialize: ArtifactStore['materialize'] = async (artifact) => {
      await gate;
      return plain.store.materialize(artifact);
    };
    const store = Object.assign(Object.create(plain.store) as ArtifactStore, { materialize });
    const harness = await serve({ store, maxModelBytes: one, maxWaiting: 3 });
    await deploy(harness, 'times-1', { model: 'a' });
    await deploy(harness, 'times-2', { model: 'b' });
    gate = new Promise((resolve) => (release = resolve));
    const answers = Array.from({ length: 5 }, async () => askFor(harness.server, 3, { model: 'a' }));
    await Promise.race(answers);
    expect(await call(harness.server, 'GET', '/v2/health/ready')).toMatchObject({
      status: 200,
      body: { models: [{ name: 'a', state: 'loading' }, { name: 'b' }], failed: [] },
    });
    release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 503)).toHaveLength(2);
  });

  test('answers all requests for more models than fit, whichever they are for', async () => {
    const harness = await serve({ maxModelBytes: one });
    const models = ['a', 'b', 'c', 'd'];
    for (const [i, model] of models.entries()) await deploy(harness, i % 2 ? 'times-2' : 'times-1', { model });
    const answers = await Promise.all(
      Array.from({ length: 80 }, async (_, i) => {
        const { status, y } = await askFor(harness.server, 3, { model: models[i % 4] as string });
        return status === 200 && y?.[0] === (i % 2 ? 6 : 3);
      }),
    );
    expect(answers.filter((isRight) => !isRight)).toEqual([]);
    await until(async () => Object.values(await states(harness)).filter((state) => state === 'ready').length === 1);
  });

  test('keeps a model in a rollout, with its challenger', async () => {
    const harness = await serve({ maxModelBytes: 2 * one });
    const champion = await deploy(harness, 'times-1', { model: 'a' });
    const challenger = await challengerOf(harness.store, 'times-2');
    expect(await put(harness, { ...champion, stage: 1, challenger })).toMatchObject({ status: 200 });
    await deploy(harness, 'times-2', { model: 'b' });
    await deploy(harness, 'times-2', { model: 'c' });
    expect(await states(harness)).toMatchObject({ a: 'ready', b: 'unloaded' });
  });

  test('refuses what is too large even alone, and a rollout whose two versions are', async () => {
    const harness = await serve({ maxModelBytes: one });
    const large = await deploymentOf(harness.store, 'iris-v1', { model: 'large' });
    expect(await put(harness, large)).toMatchObject({
      status: 422,
      body: {
        code: 'SYSTEM_DEPLOY_FAILED',
        error: expect.stringMatching(/it has 709 bytes, and the server loads 110/),
      },
    });
    const champion = await deploy(harness, 'times-1');
    const challenger = await challengerOf(harness.store, 'times-2');
    expect(await put(harness, { ...champion, stage: 1, challenger })).toMatchObject({
      status: 422,
      body: { error: expect.stringMatching(/it and its challenger have 220 bytes/) },
    });
    expect(await states(harness)).toEqual({ m: 'ready' });
    expect(await askFor(harness.server, 3)).toMatchObject({ y: [3] });
  });

  test('loads after a restart what fits, and the rest when it is asked', async () => {
    const first = await serve();
    for (const model of ['a', 'b', 'c']) await deploy(first, 'times-1', { model });
    await first.server.close();
    const second = await serve({ dataDir: first.dataDir, maxModelBytes: 2 * one });
    expect(await states(second)).toEqual({ a: 'ready', b: 'ready', c: 'unloaded' });
    expect(await askFor(second.server, 3, { model: 'c' })).toMatchObject({ status: 200, y: [3] });
  });

  test('tells after a restart with a lower limit what does not fit any more', async () => {
    const first = await serve();
    await deploy(first, 'iris-v1', { model: 'large' });
    await deploy(first, 'times-1');
    await first.server.close();
    const second = await serve({ dataDir: first.dataDir, maxModelBytes: one });
    expect(await askFor(second.server, 3, { model: 'large' })).toMatchObject({
      status: 503,
      error: expect.stringMatching(/large does not serve.*it has 709 bytes/),
    });
    expect(await askFor(second.server, 3)).toMatchObject({ status: 200 });
    expect(await states(second)).toEqual({ large: 'failed', m: 'ready' });
  });

  test('tells a model that does not come back, and serves the others', async () => {
    const harness = await serve({ maxModelBytes: one });
    const lost = await deploy(harness, 'times-1', { model: 'a' });
    await deploy(harness, 'times-2', { model: 'b' });
    await harness.store.delete(lost.artifact.sha256);
    expect(await askFor(harness.server, 3, { model: 'a' })).toMatchObject({
      status: 503,
      error: expect.stringMatching(/a does not serve.*SYSTEM_ARTIFACT_MISSING/),
    });
    expect(await states(harness)).toMatchObject({ a: 'failed' });
    expect(await askFor(harness.server, 3, { model: 'b' })).toMatchObject({ status: 200, y: [6] });
    expect(await put(harness, await deploymentOf(harness.store, 'times-1', { model: 'a' }))).toMatchObject({
      status: 200,
    });
  });
});
