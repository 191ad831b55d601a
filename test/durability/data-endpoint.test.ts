import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../client/connect.js';
import { startApiServer } from '../../client/http/start-api-server.js';
import { learner } from '../fixtures/durability/model.js';
import { type Child, startChild } from '../support/child-process.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { freezableProxy } from '../support/freezable-proxy.js';
import { seeded } from '../support/random.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const token = 'the-token-of-a-durability-test';
const count = 50;
const senders = 5;

let fixture: DurableProject;
let worker: SpawnedWorker;
let api: Child;
let url = '';

beforeAll(async () => {
  fixture = await durableProject();
  worker = await fixture.worker();
  await startApi(0);
});
afterAll(async () => {
  await api?.kill();
  await fixture?.close();
});

async function startApi(port: number): Promise<void> {
  api = startChild('./api-process.ts', { address: fixture.engine.address, port, token });
  url = await api.next<string>();
}

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const body = (id: string) =>
  JSON.stringify({ id, uri: `file:/${id}`, rows: 3, attributes: { effects: fixture.effects.url } });

/** Sends until it holds a receipt, as a sender that knows nothing of us would; answers how often it sent. */
async function deliver(id: string): Promise<number> {
  for (let tries = 1; ; tries++) {
    const answer = await fetch(`${url}/models/learner/data`, { method: 'POST', headers, body: body(id) }).catch(
      () => undefined,
    );
    const receipt: unknown = await answer?.json().catch(() => undefined);
    if (answer?.status === 202 && receipt !== undefined) return tries;
    if (answer !== undefined && answer.status < 500 && answer.status !== 202) throw new Error(JSON.stringify(receipt));
    await sleep(50);
  }
}

describe('data that is sent over HTTP', () => {
  it(`is counted once each: ${count} batches and repeats from ${senders} senders, endpoint and worker killed once`, async () => {
    const random = seeded(20261122);
    const ids = Array.from({ length: count }, (_, n) => `batch-${n}`);
    const sending = Array.from({ length: senders }, async () => {
      let tries = 0;
      // Every sender has all of them, each in an order of its own.
      for (const [, id] of ids.map((id) => [random(), id] as const).sort(([a], [b]) => a - b)) {
        tries += await deliver(id);
        await sleep(20 * random());
      }
      return tries;
    });
    await sleep(300);
    await api.kill();
    await worker.kill();
    await sleep(300);
    await startApi(Number(new URL(url).port));
    worker = await fixture.worker();
    const tries = (await Promise.all(sending)).reduce((sum, one) => sum + one, 0);
    expect(tries).toBeGreaterThan(count * senders);
    const model = fixture.evertrain.model(learner);
    const counts = async () => (await model.state({ within: '30s' })).data?.counts;
    await expect.poll(async () => (await counts())?.used, { timeout: 60_000, interval: 300 }).toBe(count);
    expect(await counts()).toMatchObject({ received: count, rejected: 0, rows: 3 * count });
    expect((await counts())?.duplicates).toBeGreaterThanOrEqual(count * (senders - 1));
    const { versions, trainings } = await model.state();
    expect(versions.reduce((sum, { data }) => sum + (data?.newBatches ?? 0), 0)).toBe(count);
    const inputs = await Promise.all(
      trainings.map(async ({ workflowId }) => (await fixture.evertrain.attach(workflowId).view()).input),
    );
    expect((inputs as { ids: string[] }[]).flatMap((input) => input.ids).sort()).toEqual([...ids].sort());
  }, 180_000);

  it('gets 503 while the engine is away or silent, within the time that it was given, and 202 afterwards', async () => {
    const { engine } = fixture;
    const proxy = await freezableProxy(engine.address);
    const through = await connect({ address: proxy.address });
    const options = { models: [learner], token, port: 0, recordedWithinMs: 1_500 };
    const servers = await Promise.all(
      [fixture.evertrain, through].map((evertrain) => startApiServer({ evertrain, ...options })),
    );
    const [first = '', silent = ''] = servers.map(({ address }) => address);
    const send = (to: string) => fetch(`${to}/models/learner/data`, { method: 'POST', headers, body: body('late') });
    const expectAway = async (to: string) => {
      const from = Date.now();
      const answer = await send(to);
      expect([answer.status, await answer.json()]).toMatchObject([503, { code: 'SYSTEM_ENGINE_UNREACHABLE' }]);
      expect(answer.headers.get('retry-after')).toMatch(/^[1-9]/);
      expect(Date.now() - from).toBeLessThan(5_000);
    };
    expect((await send(silent)).status).toBe(202);
    proxy.freeze('server');
    await expectAway(silent);
    await engine.kill();
    await expectAway(first);
    await engine.restart();
    await expect.poll(async () => (await send(first)).status, { timeout: 30_000, interval: 300 }).toBe(202);
    await Promise.all(servers.map((server) => server.close()));
    await proxy.close();
    await through.close();
  }, 90_000);
});
