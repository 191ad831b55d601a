import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Evertrain } from '../../../../client/evertrain.js';
import { type ApiServer, startApiServer } from '../../../../client/http/start-api-server.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import { type EventRule, objectCreated, on, pipeline, secret, webhook } from '../../../../workflows/sdk/index.js';

const token = 'a-token-of-the-tests';
const key = 'a key of the tests';

const run = pipeline('hooked', { input: z.object({ rows: z.int() }) }, () => Promise.resolve(1));
const seen = pipeline('seen', {}, () => Promise.resolve(1));
const signed = { signedBy: secret('HOOKS_KEY') };
const rules: EventRule[] = [
  on(webhook('/sales'), run),
  on(webhook('/signed', signed), run, { name: 'signed' }),
  on(webhook('/shop', { ...signed, signatureHeader: 'X-Shop-Hmac' }), run, { name: 'shop' }),
  on(webhook('/broken'), run, { name: 'broken', toInput: () => Promise.reject(new Error('no')) as never }),
  on(webhook('/throws'), run, {
    name: 'throws',
    toInput: () => {
      throw new Error('of the rule');
    },
  }),
  on(objectCreated('s3://amzn-s3-demo-bucket/in/', { pattern: '*.jpg' }), seen),
  on(objectCreated('s3://amzn-s3-demo-bucket/out/'), seen, { name: 'elsewhere' }),
];

let server: ApiServer;
let ids: string[];
let record: () => Promise<void>;
let lines: string[];

beforeEach(async () => {
  ids = [];
  lines = [];
  record = () => Promise.resolve();
  const evertrain = {
    address: 'engine.internal:7233',
    client: { connection: { withDeadline: <T>(_deadline: number, call: () => T) => call() } },
    async start(_pipeline: unknown, _input: unknown, { id }: { id: string }) {
      await record();
      ids.push(id);
    },
  } as unknown as Evertrain;
  const readSecret = () => Promise.resolve(key);
  const log = (line: string) => void lines.push(line);
  server = await startApiServer({
    evertrain,
    models: [],
    rules,
    readSecret,
    token,
    port: 0,
    recordedWithinMs: 300,
    log,
  });
});
afterEach(() => server.close());

const json = { 'content-type': 'application/json' };
const bearer = { ...json, authorization: `Bearer ${token}` };
const hmac = (body: string, encoding: 'hex' | 'base64') => createHmac('sha256', key).update(body).digest(encoding);

async function post(path: string, body: string, headers: Record<string, string>) {
  const answer = await fetch(server.address + path, { method: 'POST', headers, body });
  return { status: answer.status, told: (await answer.json()) as Record<string, unknown>, headers: answer.headers };
}

const sale = '{"rows":3}';
const stored = (name: string) => readFileSync(`test/fixtures/events/bodies/${name}.json`, 'utf8');

describe('a webhook', () => {
  it('is taken from who shows the token, in any of the ways in which services can', async () => {
    const basic = Buffer.from(`any:${token}`).toString('base64');
    for (const [path, headers] of [
      ['/hooks/sales', bearer],
      ['/hooks/sales', { ...json, authorization: `Basic ${basic}` }],
      [`/hooks/sales?token=${token}`, json],
    ] as const) {
      const { status, told } = await post(path, sale, headers);
      expect([status, told]).toMatchObject([
        202,
        [{ rule: 'hooked', id: expect.stringMatching(/^sales#[0-9a-f]{32}$/) }],
      ]);
    }
    // The same body is the same event.
    expect(new Set(ids).size).toBe(1);
  });

  it('is known by the id that its sender gives it', async () => {
    await post('/hooks/sales', sale, { ...bearer, 'webhook-id': 'msg_1' });
    await post('/hooks/sales', sale, { ...bearer, 'idempotency-key': 'key 2' });
    const event = { specversion: '1.0', id: '7', source: '/shop', type: 'sold', data: { rows: 1 } };
    await post('/hooks/sales', JSON.stringify(event), { ...bearer, 'content-type': 'application/cloudevents+json' });
    expect(ids).toEqual(['hooked/sales#msg_1', expect.stringMatching(/^hooked\/sha256-/), 'hooked//shop#7']);
  });

  it('needs no token where it is signed, in hex or in Base64, and its id is of what is signed', async () => {
    const hex = hmac(sale, 'hex');
    const send = (signature: string, id: string) =>
      post('/hooks/signed', sale, { ...json, 'x-hub-signature-256': signature, 'webhook-id': id });
    expect((await send(`sha256=${hex}`, '1')).status).toBe(202);
    expect((await send(hex.toUpperCase(), '2')).status).toBe(202);
    expect((await post('/hooks/shop', sale, { ...json, 'x-shop-hmac': hmac(sale, 'base64') })).status).toBe(202);
    expect(new Set(ids).size).toBe(2);
  });

  it.each<[what: string, path: string, body: string, headers: Record<string, string>, status: number, says: string]>([
    ['no token', '/hooks/sales', sale, json, 401, 'no token'],
    ['a wrong token', '/hooks/sales?token=wrong-wrong-wrong-w', sale, json, 401, 'The token is wrong'],
    ['the token in place of a signature', '/hooks/signed', sale, bearer, 401, 'not signed'],
    [
      'a wrong signature',
      '/hooks/signed',
      sale,
      { ...json, 'x-hub-signature-256': hmac('{}', 'hex') },
      401,
      'is wrong',
    ],
    ['half a signature', '/hooks/signed', sale, { ...json, 'x-hub-signature-256': 'abcd' }, 401, 'is wrong'],
    ['a path of no rule', '/hooks/other', sale, bearer, 404, 'nothing at this path'],
    ['another type', '/hooks/sales', sale, { ...bearer, 'content-type': 'text/plain' }, 415, 'not declared as JSON'],
    ['no JSON', '/hooks/sales', '{', bearer, 400, 'not JSON in UTF-8'],
    ['a field named __proto__', '/hooks/sales', '{"__proto__":{}}', bearer, 400, '__proto__'],
    ['what the pipeline takes not', '/hooks/sales', '{"rows":"many"}', bearer, 400, 'rows: Invalid input'],
    ['a rule whose function fails', '/hooks/throws', sale, bearer, 400, 'toInput failed: of the rule'],
    ['a rule whose function is async', '/hooks/broken', sale, bearer, 400, 'toInput failed: it is asynchronous'],
    [
      'a malformed CloudEvent',
      '/hooks/sales',
      '{}',
      { ...bearer, 'content-type': 'application/cloudevents+json' },
      400,
      'specversion',
    ],
    ['too much', '/hooks/sales', JSON.stringify('x'.repeat(70_000)), bearer, 413, 'more than 65536 bytes'],
    ['what no store sends', '/objects', sale, bearer, 400, 'no notification of a store'],
    ['an object without the token', '/objects', stored('s3'), json, 401, 'no token'],
  ])('with %s is refused', async (_, path, body, headers, status, says) => {
    const answer = await post(path, body, headers);
    expect([answer.status, answer.told['message']]).toEqual([status, expect.stringContaining(says)]);
    expect(ids).toEqual([]);
  });

  it('has an answer that asks for more while the engine is away or silent', async () => {
    const away = new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', 'engine.internal is away.');
    for (const recording of [() => Promise.reject(away), () => new Promise<void>(() => undefined)]) {
      record = recording;
      const { status, headers, told } = await post('/hooks/sales', sale, bearer);
      expect([status, told['code']]).toEqual([503, 'SYSTEM_ENGINE_UNREACHABLE']);
      expect(headers.get('retry-after')).toBe('2');
    }
  });

  it('has its effects also where one event of several can have none', async () => {
    const event = { specversion: '1.0', source: '/shop', type: 'sold' };
    const events = ['a', 2, 'c'].map((rows, n) => ({ ...event, id: String(n), data: { rows } }));
    const headers = { ...bearer, 'content-type': 'application/cloudevents-batch+json' };
    expect((await post('/hooks/sales', JSON.stringify(events), headers)).status).toBe(400);
    expect(ids).toEqual(['hooked//shop#1']);
  });
});

describe('a notification of an object', () => {
  it('goes to the rules of its prefix and pattern, and is the same event by whoever tells it', async () => {
    for (const name of ['s3', 'sns']) {
      const type = name === 'sns' ? 'text/plain; charset=UTF-8' : 'application/json';
      const { status, told } = await post('/objects', stored(name), { ...bearer, 'content-type': type });
      expect([status, told]).toMatchObject([202, [{ rule: 'seen' }]]);
    }
    expect(new Set(ids).size).toBe(1);
    expect((await post('/objects', stored('minio'), bearer)).told).toEqual([]);
  });

  it('asks a person whether SNS may send', async () => {
    expect((await post('/objects', stored('sns-confirmation'), bearer)).status).toBe(202);
    expect(lines).toEqual([expect.stringContaining('open https://sns.us-west-2.amazonaws.com/?Action=')]);
  });
});

it('rules that share a webhook agree on who signs', async () => {
  const other = [on(webhook('/sales', signed), run), on(webhook('/sales'), run, { name: 'other' })];
  const start = startApiServer({ evertrain: {} as Evertrain, models: [], rules: other, token, port: 0 });
  await expect(start).rejects.toThrow('Rules "hooked" and "other" share a webhook.');
});
