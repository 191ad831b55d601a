import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiServer, startApiServer } from '../../client/http/start-api-server.js';
import { listening, rules, told } from '../fixtures/events/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const token = 'the-token-of-a-durability-test';
const signingKey = 'the key of a sender';

let fixture: DurableProject;
let api: ApiServer;

beforeAll(async () => {
  vi.stubEnv('EVENTS_SALES_KEY', signingKey);
  fixture = await durableProject('events');
  await fixture.worker();
  const { evertrain } = fixture;
  const readSecret = () => Promise.resolve(signingKey);
  api = await startApiServer({ evertrain, models: [told], rules, readSecret, token, port: 0, perSecond: 1_000 });
});
afterAll(async () => {
  await api?.close();
  await fixture?.close();
  vi.unstubAllEnvs();
});

const replays = 100;

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const given = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers };
  const answer = await fetch(api.address + path, { method: 'POST', headers: given, body: JSON.stringify(body) });
  await answer.body?.cancel();
  return answer.status;
}

const signed = (body: unknown) => ({
  authorization: '',
  'x-hub-signature-256': `sha256=${createHmac('sha256', signingKey).update(JSON.stringify(body)).digest('hex')}`,
});

/** Ten at once. */
async function replayed(send: () => Promise<number>): Promise<number[]> {
  const statuses = new Set<number>();
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let n = 0; n < replays / 10; n++) statuses.add(await send());
    }),
  );
  return [...statuses];
}

describe(`a webhook that is sent ${replays} times`, () => {
  it('starts one run, also when that has ended', async () => {
    const order = { effects: fixture.effects.url, key: 'order 1' };
    expect(await replayed(() => post('/hooks/orders', order))).toEqual([202]);
    await expect.poll(() => fixture.effects.count('order 1'), { timeout: 20_000 }).toBe(1);
    const runs = () => fixture.evertrain.list({ pipeline: 'ordered' });
    await expect.poll(async () => (await runs()).map(({ status }) => status)).toEqual(['completed']);
    expect(await replayed(() => post('/hooks/orders', order))).toEqual([202]);
    expect(await runs()).toHaveLength(1);
    expect(fixture.effects.begun('order 1')).toBe(1);
  });

  it('signals a run once', async () => {
    const run = await fixture.evertrain.start(listening, undefined, { provenance: false });
    const say = (word: string) => post('/hooks/words', { run: run.workflowId, word });
    expect(await replayed(() => say('once'))).toEqual([202]);
    expect(await say('end')).toBe(202);
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['once'] });
    expect(await say('late')).toBe(400);
  });

  it('is one batch of a model', async () => {
    const sale = { effects: fixture.effects.url, key: 'sale-1', rows: 3 };
    expect(await replayed(() => post('/hooks/sales', sale, signed(sale)))).toEqual([202]);
    await expect.poll(() => fixture.effects.count('learn/sale-1'), { timeout: 20_000 }).toBe(1);
    const model = fixture.evertrain.model(told);
    await expect.poll(async () => (await model.state()).data?.counts.used).toBe(1);
    expect((await model.state()).data?.counts).toMatchObject({ received: 1, duplicates: replays - 1, rows: 3 });
    expect(await post('/hooks/sales', { ...sale, rows: 4 }, signed(sale))).toBe(401);
  });
});
