import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStorage } from '../../../activities/sdk/storage.js';
import type { ModelServer } from '../../../serving/start-model-server.js';
import type { Challenger, Deployment } from '../../../workflows/sdk/model/deployment.js';
import { startChild } from '../../support/child-process.js';
import { askFor, call, challengerOf, deploy, deploymentOf, put, serve, temporaryFolder } from './support.js';

/** times-1 is every odd version, times-2 every even one. */
const answerOf = (version: string | undefined): number => (Number(version) % 2 ? 3 : 6);

/** What a rollout orders, step by step: shares up and down, a shadow, aborts, promotions. */
function* orders(first: Deployment, next: Challenger): Generator<Deployment> {
  let [champion, challenger] = [first, next];
  for (let revision = 1; revision <= 4; revision++) {
    let stage = 0;
    const at = (percent: number, isShadow = false): Deployment => ({
      ...{ ...champion, revision, stage: ++stage },
      challenger: { ...challenger, percent, isShadow },
    });
    yield at(50, true);
    yield at(10);
    yield { ...champion, revision, stage: ++stage };
    yield at(50);
    yield at(100);
    const { percent: _, isShadow: __, ...promoted } = challenger;
    const { version, artifact, producedBy } = champion;
    champion = { ...promoted, model: 'm', revision: revision + 1 };
    challenger = { version: String(Number(version) + 2), artifact, producedBy, percent: 0 };
    yield champion;
  }
}

test('no request fails while weights change and versions swap, and each answer is that of the version that it names', async () => {
  const harness = await serve();
  const first = await deploy(harness, 'times-1');
  let isOver = false;
  let asked = 0;
  const wrong: unknown[] = [];
  const seen = new Set<string | undefined>();
  const client = async (key: string | undefined): Promise<void> => {
    while (!isOver) {
      const answer = await askFor(harness.server, 3, key === undefined ? {} : { key });
      asked++;
      seen.add(answer.version);
      if (answer.status !== 200 || answer.y?.[0] !== answerOf(answer.version)) wrong.push(answer);
    }
  };
  const clients = Array.from({ length: 12 }, async (_, i) => client(i % 2 ? `customer-${i}` : undefined));
  let changes = 0;
  for (const order of orders(first, await challengerOf(harness.store, 'times-2'))) {
    const before = asked;
    expect(await put(harness, order)).toMatchObject({ status: 200, body: { changed: true } });
    changes++;
    while (asked < before + 24) await new Promise((resolve) => setImmediate(resolve));
  }
  isOver = true;
  await Promise.all(clients);
  expect(wrong).toEqual([]);
  expect(changes).toBe(24);
  expect(seen).toEqual(new Set(['1', '2', '3', '4', '5']));
});

test('a server that is killed while weights change goes on with the old or the new document, whole', async () => {
  const dataDir = await temporaryFolder();
  const { store } = openStorage(dataDir);
  const champion = await deploymentOf(store, 'times-1');
  const challenger = await challengerOf(store, 'times-2');
  const at = (stage: number): Deployment => ({ ...champion, stage, challenger: { ...challenger, percent: stage } });
  let sent = 0;
  let acknowledged = 0;
  for (let round = 0; round < 6; round++) {
    const child = startChild('./model-server-child.ts', { dataDir });
    try {
      const server = (await child.next<{ address: string }>()) as ModelServer;
      const { body } = await call(server, 'GET', '/evertrain/models');
      const [found] = (body as { models: { stage: number; challenger: object }[] }).models;
      if (round > 0) {
        expect(found).toMatchObject({ state: 'ready', challenger: { state: 'ready', percent: found?.stage } });
        expect(found?.stage).toBeGreaterThanOrEqual(acknowledged);
        expect(found?.stage).toBeLessThanOrEqual(sent);
        const record = JSON.parse(await readFile(join(dataDir, 'serving', 'deployments.json'), 'utf8')) as object;
        expect(record).toEqual({ deployments: [at(found?.stage ?? 0)] });
        expect(await askFor(server, 3, { version: '2' })).toMatchObject({ y: [6] });
      }
      for (let i = 0; i < 5; i++) {
        await call(server, 'PUT', '/evertrain/models/m', at(++sent));
        acknowledged = sent;
      }
      // Killed so many turns after the next change was sent.
      const cut = call(server, 'PUT', '/evertrain/models/m', at(++sent)).catch(() => undefined);
      for (let turn = 0; turn < round * 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      child.process.kill('SIGKILL');
      if ((await cut)?.status === 200) acknowledged = sent;
    } finally {
      await child.kill();
    }
  }
});
