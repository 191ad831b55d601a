import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Bucket } from '../../activities/sdk/s3/bucket.js';
import { listen } from '../../client/events/listen.js';
import { type ApiServer, startApiServer } from '../../client/http/start-api-server.js';
import type { Secret } from '../../workflows/sdk/secret.js';
import { listening, postgresRule, rules, told } from '../fixtures/events/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { startS3Server } from '../support/s3-server.js';

const token = 'the-token-of-a-durability-test';
const signingKey = 'the key of a sender';

let fixture: DurableProject;
let api: ApiServer;
let postgres: PostgresServer;

const readSecret = ({ secret }: Secret) => Promise.resolve(secret === 'EVENTS_DATABASE' ? postgres.url : signingKey);

beforeAll(async () => {
  [fixture, postgres] = await Promise.all([durableProject('events'), startPostgres()]);
  await postgres.run('CREATE TABLE outbox (payload jsonb)');
  vi.stubEnv('EVENTS_SALES_KEY', signingKey);
  vi.stubEnv('EVENTS_DATABASE', postgres.url);
  await fixture.worker();
  const { evertrain } = fixture;
  api = await startApiServer({ evertrain, models: [told], rules, readSecret, token, port: 0, perSecond: 1_000 });
});
afterAll(async () => {
  await api?.close();
  await Promise.all([fixture?.close(), postgres?.stop()]);
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

describe('an object that is put', () => {
  it('starts a run when the store tells of it, once for its content', async () => {
    const { effects, evertrain } = fixture;
    const s3 = await startS3Server(`${api.address.replace('//', `//store:${token}@`)}/objects`);
    try {
      const bucket = new Bucket(s3.options(`in/${new URL(effects.url).port}`), '');
      for (const [name, text] of [
        ['a b+c.csv', '1'],
        ['a b+c.csv', '1'],
        ['other.txt', '1'],
        ['a b+c.csv', '2'],
      ]) {
        await bucket.put(`${name}`, Buffer.from(`${text}`));
      }
      await expect.poll(() => effects.count('object a b+c.csv'), { timeout: 20_000 }).toBe(2);
      const runs = await evertrain.list({ pipeline: 'ordered' });
      expect(runs.filter(({ workflowId }) => workflowId.includes('s3://'))).toHaveLength(2);
    } finally {
      await s3.stop();
    }
  });
});

describe('a notification of PostgreSQL', () => {
  it('has its effect once, also when it came while the database or the listener was away', async () => {
    const { effects, evertrain, engine } = fixture;
    const payload = (key: string) => JSON.stringify({ effects: effects.url, key });
    const notify = (text: string) => postgres.run(`NOTIFY arrivals, '${text}'`);
    const lines: string[] = [];
    const start = () => listen({ evertrain, readSecret, log: (line) => void lines.push(line) }, [postgresRule]);
    const happened = async (key: string, again = () => Promise.resolve<unknown>(undefined)) =>
      expect.poll(async () => [await again(), effects.count(key)][1], { timeout: 30_000, interval: 100 }).toBe(1);
    const first = start();
    await happened('told often', () => notify(payload('told often')));
    await notify('no json');
    await notify('{"key":"no effects"}');
    await notify(payload('after poison'));
    await happened('after poison');
    expect(lines).toEqual([
      expect.stringContaining('passes over no json'),
      expect.stringContaining('passes over {"key"'),
    ]);

    await postgres.run(`INSERT INTO outbox VALUES ('${payload('missed')}'), ('${payload('told often')}')`);
    await postgres.kill();
    await postgres.restart();
    await happened('missed');
    await first?.stop();
    await postgres.run(`INSERT INTO outbox VALUES ('${payload('nobody listened')}')`);
    await engine.kill();
    const second = start();
    await expect.poll(() => lines.join('\n'), { timeout: 30_000 }).toContain('Events wait to be recorded');
    await engine.restart();
    await happened('nobody listened');
    await second?.stop();
    for (const key of ['told often', 'after poison', 'missed']) expect([key, effects.begun(key)]).toEqual([key, 1]);
  }, 90_000);
});
