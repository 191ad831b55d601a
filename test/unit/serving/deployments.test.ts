import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArtifactStore } from '../../../activities/sdk/ports.js';
import { startModelServer } from '../../../serving/start-model-server.js';
import {
  call,
  deploy,
  deploymentOf,
  expected,
  floats,
  type Harness,
  infer,
  put,
  serve,
  temporaryFolder,
} from './support.js';

const rows = expected['iris-v1'].rows.slice(0, 2);
const golden = (version: 'iris-v1' | 'iris-v2'): object => ({
  request: { inputs: [floats('X', rows)] },
  response: {
    outputs: [
      { name: 'label', shape: [2], datatype: 'INT64', data: expected[version].label.slice(0, 2) },
      { name: 'probabilities', shape: [2, 3], datatype: 'FP32', data: expected[version].probabilities.slice(0, 2) },
    ],
  },
});

const listed = async (harness: Harness): Promise<unknown[]> => {
  const { body } = await call(harness.server, 'GET', '/evertrain/models');
  return (body as { models: unknown[] }).models;
};
const times = async (harness: Harness): Promise<unknown> => {
  const { status, body } = await infer(harness.server, { inputs: [floats('x', [[3]])] });
  const { model_version, outputs } = body as { model_version: string; outputs: { data: number[] }[] };
  return status === 200 ? [model_version, outputs[0]?.data[0]] : body;
};

describe('a deployment', () => {
  test('serves after its golden request is answered as recorded, and is listed with its origin', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1', { version: '7', revision: 3, golden: golden('iris-v1') as never });
    await infer(harness.server, { inputs: [floats('X', rows)] });
    expect(await listed(harness)).toEqual([
      {
        name: 'm',
        state: 'ready',
        version: '7',
        revision: 3,
        stage: 0,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        producedBy: { workflowId: 'w', runId: 'r' },
        loadedAt: expect.stringMatching(/^\d{4}-/),
        requests: 1,
        errors: 0,
        batching: true,
      },
    ]);
  });

  test('that answers its golden request differently is refused, and the old version serves on', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1', { golden: golden('iris-v1') as never });
    const wrong = await deploymentOf(harness.store, 'iris-v2', {
      version: '2',
      revision: 2,
      golden: golden('iris-v1') as never,
    });
    expect(await put(harness, wrong)).toMatchObject({
      status: 422,
      body: {
        code: 'SYSTEM_DEPLOY_FAILED',
        error: expect.stringMatching(
          /m version 2 .*golden request wrongly: output probabilities has .* instead of .* at position 0/,
        ),
      },
    });
    expect(await listed(harness)).toMatchObject([{ version: '1', revision: 1, state: 'ready' }]);
    expect(await put(harness, { ...wrong, golden: golden('iris-v2') } as never)).toMatchObject({ status: 200 });
  });

  test.each([
    [
      'a golden request that does not fit',
      { request: { inputs: [] }, response: { outputs: [] } },
      /Input X is missing/,
    ],
    [
      'a golden response without outputs',
      { request: { inputs: [floats('X', rows)] }, response: {} },
      /golden response/,
    ],
    [
      'a golden output that the model lacks',
      {
        request: { inputs: [floats('X', rows)] },
        response: { outputs: [{ name: 'q', shape: [1], datatype: 'FP32', data: [1] }] },
      },
      /no output q/,
    ],
  ])('with %s is refused', async (_name, bad, error) => {
    const harness = await serve();
    const deployment = await deploymentOf(harness.store, 'iris-v1', { golden: bad });
    expect(await put(harness, deployment)).toMatchObject({
      status: 422,
      body: { error: expect.stringMatching(error) },
    });
    expect(await listed(harness)).toEqual([]);
    expect(await infer(harness.server, {})).toMatchObject({ status: 404 });
  });

  test('within the golden tolerance is taken', async () => {
    const harness = await serve();
    const loose = { ...golden('iris-v1'), tolerance: 0.5 } as never;
    await deploy(harness, 'iris-v2', { golden: loose });
  });

  test('that cannot be loaded is refused with the reason, and the old version serves on', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1');
    const next = { version: '2', revision: 2 };
    const zipmap = await deploymentOf(harness.store, 'iris-zipmap', next);
    expect(await put(harness, zipmap)).toMatchObject({
      status: 422,
      body: { error: expect.stringMatching(/output_probability is a sequence or map.*zipmap=False/) },
    });
    const noise = await harness.store.put(Buffer.from('not a model'), 'application/onnx');
    expect(await put(harness, { ...zipmap, artifact: noise } as never)).toMatchObject({
      status: 422,
      body: { error: expect.stringMatching(/cannot be loaded/) },
    });
    const sha256 = '0'.repeat(64);
    const gone = { ...noise, sha256, uri: `file:sha256/${sha256}` };
    expect(await put(harness, { ...zipmap, artifact: gone } as never)).toMatchObject({
      status: 422,
      body: { error: expect.stringMatching(/SYSTEM_ARTIFACT_MISSING/) },
    });
    expect(await times(harness)).toEqual(['1', 3]);
  });

  test('of an older revision, or of the same with other content, is fenced off', async () => {
    const harness = await serve();
    const current = await deploy(harness, 'times-2', { version: '2', revision: 5 });
    const old = await deploymentOf(harness.store, 'times-1', { version: '1', revision: 4 });
    for (const late of [old, { ...old, revision: 5 }, { ...current, version: '3' }, { ...current, revision: 4 }]) {
      expect(await put(harness, late)).toMatchObject({
        status: 409,
        body: { code: 'SYSTEM_FENCED', error: expect.stringMatching(/holds revision 5 \(version 2\)/) },
      });
    }
    expect(await times(harness)).toEqual(['2', 6]);
  });

  test('sent again is answered again without loading, whoever wrote its bytes first', async () => {
    const harness = await serve();
    const deployment = await deploy(harness, 'times-1');
    const producedBy = { workflowId: 'x', runId: 'y', stepId: 'z', attempt: 2 };
    const again = await put(harness, { ...deployment, artifact: { ...deployment.artifact, producedBy } } as never);
    expect(again).toMatchObject({ status: 200, body: { version: '1', revision: 1, changed: false } });
  });

  test.each([
    ['no document', 'x', /not JSON/],
    ['missing fields', '{"model":"m"}', /not a deployment: version: .*; revision: .*; artifact: .*; producedBy/],
    ['another name than the path', undefined, /model is "other"; expected m/],
  ])('with %s is refused with 400', async (_name, text, error) => {
    const harness = await serve();
    const body = text ?? (await deploymentOf(harness.store, 'times-1', { model: 'other' }));
    expect(await call(harness.server, 'PUT', '/evertrain/models/m', body)).toMatchObject({
      status: 400,
      body: { error: expect.stringMatching(error) },
    });
  });

  test('at the same moment as others of its model ends with the greatest revision', async () => {
    const harness = await serve();
    const all = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (revision) =>
        deploymentOf(harness.store, revision % 2 ? 'times-1' : 'times-2', { version: String(revision), revision }),
      ),
    );
    const statuses = await Promise.all(
      [3, 6, 1, 5, 2, 4].map(async (r) => (await put(harness, all[r - 1] as never)).status),
    );
    expect(statuses.every((status) => status === 200 || status === 409)).toBe(true);
    expect(await times(harness)).toEqual(['6', 6]);
  });
});

describe('a swap under load', () => {
  test('drops no request, and each answer is wholly of one version', async () => {
    const harness = await serve();
    await deploy(harness, 'times-1', { version: '1' });
    let stop = false;
    const seen = new Map<string, number>();
    const problems: unknown[] = [];
    const client = async (): Promise<void> => {
      while (!stop) {
        const [version, value] = (await times(harness)) as [string, number];
        seen.set(version, (seen.get(version) ?? 0) + 1);
        if (value !== (Number(version) % 2 ? 3 : 6)) problems.push([version, value]);
      }
    };
    const clients = Array.from({ length: 16 }, client);
    for (let version = 2; version <= 12; version++) {
      await deploy(harness, version % 2 ? 'times-1' : 'times-2', { version: String(version), revision: version });
      expect(await times(harness)).toEqual([String(version), version % 2 ? 3 : 6]);
    }
    stop = true;
    await Promise.all(clients);
    expect(problems).toEqual([]);
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe('a restarted server', () => {
  test('serves what it served, and keeps the fence', async () => {
    const first = await serve();
    await deploy(first, 'times-2', { version: '2', revision: 2 });
    await deploy(first, 'iris-v1', { model: 'iris', golden: golden('iris-v1') as never });
    await first.server.close();
    const second = await serve({ dataDir: first.dataDir });
    expect(await times(second)).toEqual(['2', 6]);
    expect(await listed(second)).toMatchObject([{ name: 'm' }, { name: 'iris', state: 'ready' }]);
    const old = await deploymentOf(second.store, 'times-1', { revision: 1 });
    expect(await put(second, old)).toMatchObject({ status: 409 });
    const names = await readdir(join(first.dataDir, 'serving'));
    expect(names.filter((name) => name !== 'predictions')).toEqual(['deployments.json']);
  });

  test('reports a broken deployment in its health, serves the others, and takes the same deployment again', async () => {
    const first = await serve();
    await deploy(first, 'times-1');
    const lost = await deploy(first, 'iris-v1', { model: 'lost', revision: 4 });
    await first.server.close();
    await first.store.delete(lost.artifact.sha256);
    const second = await serve({ dataDir: first.dataDir });
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({
      status: 200,
      body: {
        ready: true,
        failed: [{ name: 'lost', version: '1', reason: expect.stringMatching(/SYSTEM_ARTIFACT_MISSING/) }],
      },
    });
    expect(await times(second)).toEqual(['1', 3]);
    expect(await infer(second.server, {}, 'lost')).toMatchObject({
      status: 503,
      body: { error: expect.stringMatching(/lost does not serve/) },
    });
    expect(await call(second.server, 'GET', '/v2/models/lost/ready')).toMatchObject({ status: 503 });
    await deploymentOf(second.store, 'iris-v1');
    expect(await put(second, lost)).toMatchObject({ status: 200, body: { changed: true } });
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({ body: { failed: [] } });
  });

  test('keeps an entry that it cannot read, and says so', async () => {
    const first = await serve();
    await deploy(first, 'times-1');
    await first.server.close();
    const path = join(first.dataDir, 'serving', 'deployments.json');
    const document = JSON.parse(await readFile(path, 'utf8')) as { deployments: unknown[] };
    document.deployments.unshift({ model: 'from-the-future' });
    await writeFile(path, JSON.stringify(document));
    const second = await serve({ dataDir: first.dataDir });
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({
      body: { failed: [{ reason: expect.stringMatching(/not a deployment/) }] },
    });
    await deploy(second, 'times-2', { version: '2', revision: 2 });
    const after = JSON.parse(await readFile(path, 'utf8')) as { deployments: unknown[] };
    expect(after.deployments).toMatchObject([{ model: 'm', revision: 2 }, { model: 'from-the-future' }]);
  });

  test('answers 503 while a model loads', async () => {
    const first = await serve();
    await deploy(first, 'times-1');
    await first.server.close();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow: ArtifactStore = Object.assign(Object.create(first.store) as ArtifactStore, {
      materialize: async (artifact: Parameters<ArtifactStore['materialize']>[0]) => {
        await held;
        return first.store.materialize(artifact);
      },
    });
    const second = await serve({ dataDir: first.dataDir, store: slow });
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({
      status: 503,
      body: { ready: false, models: [{ name: 'm', version: '1', state: 'loading' }], failed: [] },
    });
    expect(await times(second)).toMatchObject({ error: expect.stringMatching(/m is loading/) });
    expect(await infer(second.server, {})).toMatchObject({ status: 503 });
    release();
    await second.server.ready;
    expect(await times(second)).toEqual(['1', 3]);
    expect(await call(second.server, 'GET', '/v2/health/ready')).toMatchObject({ status: 200 });
  });

  test('refuses a damaged record with the remedy', async () => {
    const first = await serve();
    await deploy(first, 'times-1');
    await first.server.close();
    await writeFile(join(first.dataDir, 'serving', 'deployments.json'), '{"depl');
    await expect(serve({ dataDir: first.dataDir })).rejects.toMatchObject({
      code: 'SYSTEM_FAILED',
      remedy: expect.stringMatching(/backup/),
    });
  });
});

describe('starting and closing', () => {
  test('a port in use is told', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    try {
      await expect(serve({ port })).rejects.toMatchObject({ code: 'SYSTEM_PORT_IN_USE', value: port });
    } finally {
      blocker.close();
    }
  });

  test.each([{ maxBatch: 0 }, { maxBodyBytes: 1.5 }, { maxWaiting: -1 }, { maxModelBytes: Number.NaN }])(
    '%o is refused',
    async (options) => {
      const dataDir = await temporaryFolder();
      const start = startModelServer({ dataDir, store: {} as ArtifactStore, ...options });
      await expect(start).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    },
  );

  test('closing answers the requests in flight and then refuses connections', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    const many = Array.from({ length: 40 }, () =>
      infer(harness.server, { inputs: [floats('X', expected['iris-v1'].rows)] }).catch(() => ({ status: 0 })),
    );
    await many[0];
    await harness.server.close();
    const statuses = new Set((await Promise.all(many)).map((a) => a.status));
    // 0: not connected yet when the server closed.
    expect([...statuses].filter((status) => status !== 0)).toEqual([200]);
    await expect(infer(harness.server, {})).rejects.toThrow(/fetch failed/);
  });
});
