import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiToken } from '../../../../client/config.js';
import { DataGathering } from '../../../../client/data-gathering.js';
import type { Evertrain } from '../../../../client/evertrain.js';
import { type DataEndpointOptions, dataEndpoint } from '../../../../client/http/data-endpoint.js';
import { type ApiServer, startApiServer } from '../../../../client/http/start-api-server.js';
import { Model } from '../../../../client/model-handle.js';
import { sendData } from '../../../../client/send-data.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import { model, pipeline } from '../../../../workflows/sdk/index.js';
import type { ModelDefinition } from '../../../../workflows/sdk/model/model.js';

const token = 'a token of the tests'.replaceAll(' ', '-');
const url = '/models/fed/data';
const batch = { id: 'b-1', uri: 'file:/b-1', rows: 80 };

const training = pipeline('training', {}, async () => undefined);
const data = { toInput: () => ({}), retrainWhen: { batches: 1 } };
const strict = z.object({ attributes: z.object({ source: z.enum(['shop', 'web']) }) });
const models: ModelDefinition[] = [
  model('fed', { pipeline: training, data }),
  model('strict', { pipeline: training, data: { ...data, event: strict } }),
  model('by-hand', { pipeline: training }),
];

/** An engine that records what it is signalled, or fails. */
function fakeEvertrain(recorded: unknown[], record: () => Promise<void>): Evertrain {
  const signalWithStart = async (_type: string, { signalArgs }: { signalArgs: unknown[] }) => {
    await record();
    recorded.push(...signalArgs);
  };
  const client = {
    workflow: { signalWithStart },
    connection: { withDeadline: <T>(_deadline: number, call: () => T) => call() },
  };
  const address = 'engine.internal:7233';
  const data = new DataGathering((...signal) => sendData({ client, address } as never, ...signal));
  const context = { client, address, data } as never;
  return { client, model: (found: ModelDefinition) => new Model(context, found, () => Promise.reject()) } as never;
}

let server: ApiServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(
  options: Partial<DataEndpointOptions> = {},
  record: () => Promise<void> = () => Promise.resolve(),
): Promise<unknown[]> {
  const recorded: unknown[] = [];
  server = await startApiServer({ evertrain: fakeEvertrain(recorded, record), models, token, port: 0, ...options });
  return recorded;
}

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
const post = (body: unknown, path = url, init: RequestInit = {}) =>
  fetch(`${server?.address}${path}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });

/** What comes back for bytes sent as they are; fetch would tidy paths and headers. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(server?.address ?? '').port), '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.once('error', reject).once('close', () => resolve(answer));
  });
}

const lines = (...text: string[]) => `${text.join('\r\n')}\r\n`;
const rawPost = (path: string) =>
  lines(`POST ${path} HTTP/1.1`, 'host: x', `authorization: Bearer ${token}`, 'connection: close');

describe('the data endpoint', () => {
  it('answers 202 with a receipt once the batch is recorded, for a repeat as well', async () => {
    const recorded = await serve();
    const from = Date.now();
    const first = await post({ ...batch, at: 5, attributes: { source: 'shop' }, unknown: 1 });
    expect(first.status).toBe(202);
    const receipt = (await first.json()) as { receivedAt: number };
    expect(receipt).toEqual({ model: 'fed', id: 'b-1', receivedAt: expect.any(Number) });
    expect(receipt.receivedAt).toBeGreaterThanOrEqual(from);
    expect(recorded).toEqual([{ ...batch, at: 5, attributes: { source: 'shop' } }]);
    expect((await post(batch)).status).toBe(202);
    const sha256 = 'a'.repeat(64);
    const artifact = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 1, mediaType: 'text/plain' };
    expect((await post({ id: 'b-2', rows: 0, artifact })).status).toBe(202);
    expect(recorded.at(-1)).toEqual({ id: 'b-2', rows: 0, artifact });
    expect(
      (await post(batch, url, { headers: { ...headers, 'content-type': 'Application/JSON; charset=UTF-8' } })).status,
    ).toBe(202);
  });

  it('takes a list of batches, in one signal and with a receipt for each', async () => {
    const recorded = await serve();
    const list = [batch, { ...batch, id: 'b-2' }];
    const answer = await post(list);
    expect(answer.status).toBe(202);
    const receivedAt: unknown = expect.any(Number);
    expect(await answer.json()).toEqual(list.map(({ id }) => ({ model: 'fed', id, receivedAt })));
    expect(recorded).toEqual([list]);
  });

  it('answers 503 in time when its batch waits for a signal that the engine does not answer', async () => {
    await serve({ recordedWithinMs: 200 }, () => new Promise(() => undefined));
    const answers = await Promise.all([post(batch), post({ ...batch, id: 'b-2' })]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503]);
    expect(await answers[1]?.json()).toMatchObject({ code: 'SYSTEM_ENGINE_UNREACHABLE' });
  });

  const half = JSON.stringify(batch).slice(0, 20);
  const long = { ...batch, attributes: { text: 'x'.repeat(1_000_000) } };
  const withHeaders = (more: Record<string, string>) => ({ headers: { ...headers, ...more } });
  const table: ReadonlyArray<readonly [string, number, string, string, Parameters<typeof post>]> = [
    ['no token', 401, 'USER_REQUEST_REFUSED', 'no token', [batch, url, { headers: {} }]],
    [
      'a wrong token',
      401,
      'USER_REQUEST_REFUSED',
      'wrong',
      [batch, url, withHeaders({ authorization: `Bearer ${token}x` })],
    ],
    [
      'part of the token',
      401,
      'USER_REQUEST_REFUSED',
      'wrong',
      [batch, url, withHeaders({ authorization: `Bearer ${token.slice(0, -1)}` })],
    ],
    [
      'another scheme',
      401,
      'USER_REQUEST_REFUSED',
      'no token',
      [batch, url, withHeaders({ authorization: `Basic ${token}` })],
    ],
    [
      'the token in the query',
      401,
      'USER_REQUEST_REFUSED',
      'no token',
      [batch, `${url}?token=${token}`, { headers: {} }],
    ],
    ['a batch of 1 MB of attributes', 413, 'USER_PAYLOAD_TOO_LARGE', '65536 bytes', [long]],
    [
      'attributes above 1,000 bytes',
      400,
      'USER_SIGNAL_INVALID',
      'attributes of bytes 1',
      [{ ...batch, attributes: { text: 'x'.repeat(1_000) } }],
    ],
    ['control characters in the id', 400, 'USER_SIGNAL_INVALID', '"b\\u0000\\n1"', [{ ...batch, id: 'b\u0000\n1' }]],
    ['no id', 400, 'USER_SIGNAL_INVALID', 'the id undefined', [{ uri: 'u', rows: 1 }]],
    ['an id of 201 characters', 400, 'USER_SIGNAL_INVALID', 'the id', [{ ...batch, id: 'x'.repeat(201) }]],
    ['no place', 400, 'USER_SIGNAL_INVALID', 'a uri and an artifact', [{ id: 'b', rows: 1 }]],
    ['no rows', 400, 'USER_SIGNAL_INVALID', 'has rows', [{ id: 'b', uri: 'u' }]],
    ['rows as text', 400, 'USER_SIGNAL_INVALID', 'has rows "80"', [{ ...batch, rows: '80' }]],
    [
      'an artifact that is none',
      400,
      'USER_SIGNAL_INVALID',
      'the artifact',
      [{ id: 'b', rows: 1, artifact: { uri: 'x' } }],
    ],
    [
      'what the schema of the model refuses',
      400,
      'USER_SIGNAL_INVALID',
      'attributes.source',
      [{ ...batch, attributes: { source: 'moon' } }, '/models/strict/data'],
    ],
    ['half a JSON', 400, 'USER_SIGNAL_INVALID', 'not JSON', [half]],
    ['no body', 400, 'USER_SIGNAL_INVALID', 'not JSON', ['']],
    [
      'a list of which one is no batch',
      400,
      'USER_SIGNAL_INVALID',
      'Batch [1]',
      [[batch, { id: 'b-2', rows: 1 }, batch]],
    ],
    ['a list in a list', 400, 'USER_SIGNAL_INVALID', 'Batch [0]', [[[batch]]]],
    ['an empty list', 400, 'USER_SIGNAL_INVALID', 'no batch', [[]]],
    ['null', 400, 'USER_SIGNAL_INVALID', 'no batch', ['null']],
    ['a text', 400, 'USER_SIGNAL_INVALID', 'no batch', ['"b-1"']],
    ['a field __proto__', 400, 'USER_SIGNAL_INVALID', '__proto__', ['{"__proto__":{"id":"b","uri":"u","rows":1}}']],
    [
      'a field __proto__ further in',
      400,
      'USER_SIGNAL_INVALID',
      '__proto__',
      ['{"id":"b","uri":"u","rows":1,"attributes":{"a":[{"__proto__":1}]}}'],
    ],
    [
      'a body nested 30,000 deep',
      400,
      'USER_SIGNAL_INVALID',
      '',
      [`{"id":"b","uri":"u","rows":1,"attributes":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
    ],
    [
      'form data',
      415,
      'USER_REQUEST_REFUSED',
      'not declared as JSON',
      [batch, url, withHeaders({ 'content-type': 'text/plain' })],
    ],
    [
      'a compressed body',
      415,
      'USER_REQUEST_REFUSED',
      'not declared as JSON',
      [batch, url, withHeaders({ 'content-encoding': 'gzip' })],
    ],
    ['an unknown model', 404, 'USER_MODEL_UNKNOWN', 'No model', [batch, '/models/feed/data']],
    ['a model that takes no data', 404, 'USER_MODEL_UNKNOWN', 'No model', [batch, '/models/by-hand/data']],
    ['a name of an object', 404, 'USER_MODEL_UNKNOWN', 'No model', [batch, '/models/__proto__/data']],
    ['another path', 404, 'USER_REQUEST_REFUSED', 'nothing at this path', [batch, '/models/fed']],
    ['another method', 405, 'USER_REQUEST_REFUSED', 'PUT', [batch, url, { method: 'PUT' }]],
  ];
  for (const [what, status, code, message, call] of table) {
    it(`refuses ${what} with ${status}, and records nothing`, async () => {
      const recorded = await serve();
      const answer = await post(...call);
      expect(answer.status).toBe(status);
      const body = (await answer.json()) as Record<string, string>;
      expect(body).toEqual({ code, message: expect.stringContaining(message), remedy: expect.stringMatching(/./) });
      expect(JSON.stringify(body).length).toBeLessThan(2_500);
      expect(JSON.stringify(body)).not.toMatch(new RegExp(`${token}|docs/errors|    at `));
      expect(recorded).toEqual([]);
      expect(({} as { id?: string }).id).toBeUndefined();
    });
  }

  it('names the method that is allowed and the scheme that it wants', async () => {
    await serve();
    expect((await fetch(`${server?.address}${url}`, { headers })).headers.get('allow')).toBe('POST');
    expect((await post(batch, url, { headers: {} })).headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each([
    '/models/fed%2Fdata/data',
    '/models/../data',
    '/models/%2e%2e/data',
    '/models/fed/../fed/data',
    '/models/%ff/data',
    '//models/fed/data',
    '*',
  ])('finds no model at %s', async (path) => {
    const recorded = await serve();
    const body = JSON.stringify(batch);
    const sent = `${rawPost(path)}${lines('content-type: application/json', `content-length: ${body.length}`, '')}${body}`;
    expect(await raw(sent)).toMatch(/^HTTP\/1\.1 404 /);
    expect(recorded).toEqual([]);
  });

  it('reads no further than the limit, whatever length is declared', async () => {
    await serve();
    const endless = `${rawPost(url)}${lines('content-type: application/json', 'transfer-encoding: chunked', '')}`;
    const chunk = lines('8000', 'x'.repeat(0x8000));
    expect(await raw(endless + chunk.repeat(3))).toMatch(/^HTTP\/1\.1 413 [^]*connection: close/i);
    const declared = `${rawPost(url)}${lines('content-type: application/json', 'content-length: 99999999', '')}`;
    expect(await raw(declared)).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('gives up a body that trickles, and goes on', async () => {
    await serve({ bodyWithinMs: 100 });
    const slow = `${rawPost(url)}${lines('content-type: application/json', 'content-length: 50', '')}{`;
    expect(await raw(slow)).toMatch(/^HTTP\/1\.1 408 /);
    expect((await post(batch)).status).toBe(202);
  });

  it('gives up headers that trickle', async () => {
    await serve();
    expect(await raw('POST /models/fed/data HTTP/1.1\r\nhost: x\r\n')).toMatch(/^HTTP\/1\.1 408 /);
  }, 15_000);

  it('leaves an answer alone that the server around it has given', async () => {
    const logged: string[] = [];
    const log = (line: string) => logged.push(line);
    const around = createServer((request, response) => {
      dataEndpoint({ evertrain: fakeEvertrain([], async () => undefined), models, token, log })(request, response);
      response.end('first');
    });
    await new Promise<void>((resolve) => around.listen(0, '127.0.0.1', resolve));
    const { port } = around.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text()).toBe('first');
    await expect.poll(() => logged.join()).toContain('could not be answered');
    await new Promise((resolve) => around.close(resolve));
  });

  it('answers 429 above its rate, with the time to wait, to senders with the token only', async () => {
    const recorded = await serve({ perSecond: 0.1, burst: 2 });
    for (let n = 0; n < 5; n++) expect((await post(batch, url, { headers: {} })).status).toBe(401);
    expect([(await post(batch)).status, (await post(batch)).status]).toEqual([202, 202]);
    const refused = await post(batch);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: 'SYSTEM_TOO_MANY_REQUESTS' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(8);
    expect(recorded.length).toBe(2);
    expect((await fetch(`${server?.address}/healthz`)).status).toBe(200);
  });

  it('answers 503 when the engine cannot be reached, without saying where it is', async () => {
    const logged: string[] = [];
    const away = new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', 'The engine at engine.internal:7233 is away.');
    await serve({ log: (line) => logged.push(line) }, () => Promise.reject(away));
    const answer = await post(batch);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    const text = await answer.text();
    expect(text).toContain('SYSTEM_ENGINE_UNREACHABLE');
    expect(text).not.toContain('internal');
    expect(logged.join()).toContain('engine.internal:7233');
    expect(logged.join()).not.toContain(token);
  });

  it('answers 500 to what nobody expects, and goes on', async () => {
    await serve({}, () => Promise.reject(new Error('a bug of ours')));
    expect((await post(batch)).status).toBe(503);
    await server?.close();
    await serve({ evertrain: { client: {} } as never });
    const answer = await post(batch);
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'SYSTEM_FAILED' }]);
    expect((await fetch(`${server?.address}/healthz`)).status).toBe(200);
  });

  it('answers what is in flight before it closes, and takes nothing new', async () => {
    let let_go = () => {};
    const held = new Promise<void>((resolve) => {
      let_go = resolve;
    });
    const recorded = await serve({}, () => held);
    const inFlight = post(batch);
    await sleep(100);
    const address = server?.address;
    const closing = server?.close();
    await expect(fetch(`${address}/healthz`, { headers: { connection: 'close' } })).rejects.toThrow();
    let_go();
    expect((await inFlight).status).toBe(202);
    await closing;
    expect(recorded.length).toBe(1);
  });

  it('keeps connections for further requests, and answers /healthz without a token', async () => {
    await serve();
    const health = `${lines('GET /healthz HTTP/1.1', 'host: x', '')}`;
    const twice = health + lines('GET /healthz HTTP/1.1', 'host: x', 'connection: close', '');
    expect([...(await raw(twice)).matchAll(/HTTP\/1\.1 200/g)].length).toBe(2);
    expect((await fetch(`${server?.address}/healthz`, { method: 'POST' })).status).toBe(405);
  });

  it('does not start without a token of 16 characters, a model that takes data, or sound limits', async () => {
    for (const wrong of ['', 'fifteen-letters', 'sixteen letters with spaces']) {
      await expect(serve({ token: wrong })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
      expect(() => apiToken({ EVERTRAIN_API_TOKEN: wrong })).toThrow(/EVERTRAIN_API_TOKEN is (not set|too short)/);
      if (wrong !== '') expect(() => apiToken({ EVERTRAIN_API_TOKEN: wrong })).not.toThrow(wrong);
    }
    expect(() => apiToken({})).toThrow('not set');
    await expect(serve({ models: models.slice(2) })).rejects.toThrow('No model of the project declares `data`');
    await expect(serve({ perSecond: 0 })).rejects.toThrow('perSecond is 0');
    await expect(serve({ tokens: token } as never)).rejects.toMatchObject({ code: 'USER_OPTION_UNKNOWN' });
  });

  it('names a port that is in use', async () => {
    await serve();
    const port = Number(new URL(server?.address ?? '').port);
    const options = { evertrain: fakeEvertrain([], async () => undefined), models, token, port };
    await expect(startApiServer(options)).rejects.toMatchObject({ code: 'SYSTEM_PORT_IN_USE' });
  });
});
