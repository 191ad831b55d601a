import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { httpLook } from '../../../../activities/sensors/http-look.js';
import { connection, type HttpConnection } from '../../../../workflows/sdk/connections/connection.js';
import { type HttpOptions, httpAnswers } from '../../../../workflows/sdk/sensors/http-answers.js';
import type { HttpCondition } from '../../../../workflows/sdk/sensors/condition.js';

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const { signal } = new AbortController();
const secret = 'a-secret-of-the-tests';

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jobs?x=1`;
  vi.stubEnv('EVERTRAIN_TEST_TOKEN', secret);
});
afterAll(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  answer = (_, response) => void response.end('{"jobs":[{"state":"done","rows":7}],"ok":false}');
});

const look = (options: HttpOptions = {}, to: string | HttpConnection = url) =>
  httpLook(httpAnswers(to, options) as HttpCondition, signal);

describe('a look at a server', () => {
  it.each<[HttpOptions, object]>([
    [{}, { met: true, facts: { status: 200 } }],
    [{ status: 204 }, { met: false, said: 'it answers with status 200' }],
    [{ status: [200, 204] }, { met: true, facts: { status: 200 } }],
    [{ json: { path: 'jobs[0].state', equals: 'done' } }, { met: true, facts: { status: 200, value: 'done' } }],
    [{ json: { path: 'jobs[0].rows', atLeast: 8 } }, { met: false, said: 'jobs[0].rows is 7' }],
    [{ json: { path: 'jobs[0].rows', atLeast: 7 } }, { met: true, facts: { status: 200, value: 7 } }],
    [{ json: { path: 'jobs' } }, { met: true, facts: { status: 200, value: [{ state: 'done', rows: 7 }] } }],
    [{ json: { path: 'ok' } }, { met: false, said: 'ok is false' }],
    [{ json: { path: 'jobs[1].state' } }, { met: false, said: 'jobs[1].state is not there' }],
    [{ json: { path: 'constructor' } }, { met: false, said: 'constructor is not there' }],
  ])('holds by status and JSON: %o', async (options, seen) => {
    expect(await look(options)).toEqual(seen);
  });

  it('sends method, body and secrets, which are in nothing that it tells', async () => {
    let got: IncomingMessage | undefined;
    answer = (request, response) => {
      got = request;
      response.end(JSON.stringify({ echo: request.headers.authorization }));
    };
    const key = { secret: 'EVERTRAIN_TEST_TOKEN' };
    const jobs = connection('jobs', { kind: 'http', url: new URL(url).origin, token: key, headers: { 'X-Key': key } });
    const options = { path: ['jobs', 'a/b'], query: { x: '&' }, body: { ask: 1 } };
    const seen = await look({ ...options, json: { path: 'echo', equals: 'x' } }, jobs);
    expect(got?.url).toBe('/jobs/a%2Fb?x=%26');
    expect(seen).toEqual({ met: false, said: 'echo is "Bearer …"' });
    expect([got?.method, got?.headers.authorization, got?.headers['x-key'], got?.headers['content-type']]).toEqual([
      'POST',
      `Bearer ${secret}`,
      secret,
      'application/json',
    ]);
    const missing = look(
      {},
      connection('jobs', { kind: 'http', url: new URL(url).origin, token: { secret: 'NOT_SET_ANYWHERE' } }),
    );
    await expect(missing).rejects.toMatchObject({ code: 'USER_SECRET_MISSING' });
  });

  it('takes what is not JSON, or endless, for nothing', async () => {
    answer = (_, response) => void response.end('{');
    expect(await look({ json: { path: 'x' } })).toMatchObject({ met: false });
    answer = (_, response) => {
      const more = () => void (response.write('x'.repeat(100_000)) ? setImmediate(more) : response.once('drain', more));
      more();
    };
    expect(await look({ json: { path: 'x' } })).toMatchObject({ met: false });
  });

  it('that gets no answer fails in a way that passes', async () => {
    answer = (_, response) => void response.destroy();
    await expect(look()).rejects.toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
    await expect(look({}, 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
  });
});
