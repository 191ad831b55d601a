import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { asApplicationFailure } from '../../../../../activities/sdk/failure.js';
import { type HttpStepOptions, implementHttp } from '../../../../../activities/sdk/http/implement-http.js';
import { type Artifact, connection, type HttpConnection, step } from '../../../../../workflows/sdk/index.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const asks = step('http.asks', { input: z.object({ day: z.string(), limit: z.int() }) });
const token = 'a-token-of-the-tests';

let server: Server;
let labels: HttpConnection;
let context: TestContext;
let got: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[];
let answer: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = '', url = '', headers } = request;
      got.push({ method, url, headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  vi.stubEnv('EVERTRAIN_TEST_TOKEN', token);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  labels = connection('labels', {
    kind: 'http',
    url,
    token: { secret: 'EVERTRAIN_TEST_TOKEN' },
    headers: { 'X-Team': 'ml' },
  });
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  got = [];
  answer = (response) => void response.end('{"labels":[1,2]}');
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
});
afterEach(() => context.remove());

type Options = HttpStepOptions<typeof asks>;

function run(options: Options = {}, input = { day: '2026-01-02', limit: 5 }, to = labels): Promise<unknown> {
  return implementHttp(asks, to, options).run(input, context);
}

const failed = (options?: Options): Promise<unknown> => run(options).catch((error: unknown) => error);

describe('a step by HTTP', () => {
  it('asks with its values encoded, and its secrets', async () => {
    const options: Options = { path: ({ day }) => ['days', day], query: ({ limit }) => ({ limit, 'a&b': '=' }) };
    expect(await run(options, { day: '../x?y#z', limit: 5 })).toEqual({ labels: [1, 2] });
    expect(got[0]).toMatchObject({
      method: 'GET',
      url: '/v1/days/..%2Fx%3Fy%23z?limit=5&a%26b=%3D',
      headers: { authorization: `Bearer ${token}`, 'x-team': 'ml' },
    });
    expect(got[0]?.headers['idempotency-key']).toBeUndefined();
  });

  it('sends JSON with the same idempotency key in each attempt', async () => {
    const options: Options = { body: ({ day }) => ({ day }) };
    await run(options);
    context = context.nextAttempt();
    await run({ ...options, method: 'PUT' });
    expect(got).toMatchObject([
      { method: 'POST', url: '/v1', body: '{"day":"2026-01-02"}', headers: { 'content-type': 'application/json' } },
      { method: 'PUT' },
    ]);
    expect(got.map(({ headers }) => headers['idempotency-key'])).toEqual([
      context.idempotencyKey,
      context.idempotencyKey,
    ]);
  });

  it('answers a file of any size', async () => {
    const bytes = Buffer.alloc(5_000_000, 'x');
    answer = (response) => void response.writeHead(200, { 'content-type': 'text/csv; charset=utf-8' }).end(bytes);
    const { file } = (await run({ as: 'file' })) as { file: Artifact };
    expect([file.sizeBytes, file.mediaType]).toEqual([bytes.length, 'text/csv']);
    await expect(run()).rejects.toMatchObject({ code: 'USER_PAYLOAD_TOO_LARGE' });
  });

  it.each<[number, Record<string, string>, string, number | undefined]>([
    [400, {}, 'USER_REQUEST_REFUSED', undefined],
    [401, {}, 'USER_REQUEST_REFUSED', undefined],
    [302, { location: 'http://elsewhere.example.org' }, 'USER_REQUEST_REFUSED', undefined],
    [408, {}, 'SYSTEM_SERVER_UNREACHABLE', undefined],
    [429, { 'retry-after': '7' }, 'SYSTEM_TOO_MANY_REQUESTS', 7_000],
    [503, { 'retry-after': '999999' }, 'SYSTEM_SERVER_UNREACHABLE', 3_600_000],
    [500, { 'retry-after': 'soon' }, 'SYSTEM_SERVER_UNREACHABLE', undefined],
  ])('fails with %i %o as %s, tried again after %s ms', async (status, headers, code, delay) => {
    answer = (response) => void response.writeHead(status, headers).end(`no: ${token}`);
    const error = await failed();
    const failure = asApplicationFailure(error, 'step');
    expect(failure).toMatchObject({ type: code, nonRetryable: code.startsWith('USER_') });
    expect(failure.nextRetryDelay).toBe(delay);
    expect(failure.message).toContain(`labels answers GET / with status ${status}: no: …`);
    expect(got.length).toBe(1);
  });

  it('that gets no answer, or half of one, is tried again', async () => {
    answer = (response) => void response.destroy();
    expect(await failed()).toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
    answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => response.destroy());
    };
    for (const as of ['json', 'file'] as const) {
      expect(await failed({ as })).toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
    }
  });

  it('takes what is not JSON for no output', async () => {
    answer = (response) => void response.end('<html>');
    expect(await failed()).toMatchObject({ code: 'USER_OUTPUT_INVALID' });
    answer = (response) => void response.writeHead(204).end();
    expect(await run()).toBeUndefined();
  });

  it('ends when it is cancelled', async () => {
    answer = () => context.cancel(new Error('cancelled'));
    await expect(run()).rejects.toThrow('cancelled');
  });

  it('refuses a segment that leads elsewhere, and a connection that the worker has not', async () => {
    for (const segment of ['', '..', Number.NaN]) {
      await expect(run({ path: () => ['days', segment] })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    }
    const missing = connection('missing', { kind: 'http', url: { secret: 'EVERTRAIN_TEST_URL' } });
    await expect(run({}, undefined, missing)).rejects.toMatchObject({ code: 'USER_SECRET_MISSING' });
    for (const url of ['postgres://h/db', 'http://ann:pw@h', 'http://h?x', 'nowhere']) {
      vi.stubEnv('EVERTRAIN_TEST_URL', url);
      await expect(run({}, undefined, missing)).rejects.toMatchObject({ code: 'USER_CONNECTION_INVALID' });
    }
    expect(got).toEqual([]);
  });

  it.each<[string, () => unknown]>([
    ['an unknown method', () => implementHttp(asks, labels, { method: 'HEAD' as never })],
    ['a body of a GET', () => implementHttp(asks, labels, { method: 'GET', body: () => 1 })],
    ['an answer of no known kind', () => implementHttp(asks, labels, { as: 'text' as never })],
    ['a URL for a connection', () => implementHttp(asks, 'http://h' as never)],
    ['an unknown option', () => implementHttp(asks, labels, { headers: {} } as never)],
  ])('refuses where it is written: %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: expect.stringMatching(/^USER_OPTION_/) as string }) as Error);
  });
});
