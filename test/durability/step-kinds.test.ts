import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { renderTree } from '../../client/cli/tree.js';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Run } from '../../client/run.js';
import { kinds, starting } from '../fixtures/kinds/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const key = 'a-key-of-the-tests';
const day = '2026-01-02';

let fixture: DurableProject;
let postgres: PostgresServer;
let server: Server;
let asked: { url: string; headers: IncomingMessage['headers'] }[];
let answer: (response: ServerResponse) => void;
let worker: SpawnedWorker;
let name: string;

beforeAll(async () => {
  [fixture, postgres] = await Promise.all([durableProject('kinds'), startPostgres()]);
  await postgres.run('CREATE TABLE sales (day date, shop text, sum numeric)');
  await postgres.run('CREATE TABLE best (day date PRIMARY KEY, shop text, sum numeric)');
  await postgres.run(`INSERT INTO sales VALUES ('${day}', 'a', 1.5), ('${day}', 'b/c', 2.5), ('2026-01-03', 'd', 9)`);
  server = createServer((request, response) => {
    asked.push({ url: request.url ?? '', headers: request.headers });
    answer(response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  // Workers inherit the environment.
  vi.stubEnv('EVERTRAIN_TEST_WAREHOUSE', postgres.url);
  vi.stubEnv('EVERTRAIN_TEST_LABELS', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('EVERTRAIN_TEST_KEY', key);
  worker = await fixture.worker({ cachedRuns: 0 });
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await Promise.all([fixture?.close(), postgres?.stop()]);
  vi.unstubAllEnvs();
});
beforeEach(({ task }) => {
  asked = [];
  answer = (response) => void response.end('{"accepted":true}');
  name = task.name;
});

const begin = (id?: string, under = name): Promise<Run> =>
  fixture.evertrain.start(
    starting,
    { effects: fixture.effects.url, key: under, ...(id === undefined ? {} : { id }) },
    { provenance: false },
  );

/** Everything that the engine keeps of the run, payloads as they are. */
async function bytesOf({ workflowId, runId }: Run): Promise<string> {
  const history = await fetchHistory(fixture.evertrain.client, workflowId, runId);
  return Buffer.from(proto.temporal.api.history.v1.History.encode(history).finish()).toString('latin1');
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path, 'latin1')] as const)));
}

describe('steps by SQL, programs and requests', () => {
  it('do their work in one pipeline, and their secrets are nowhere', async () => {
    let processes = '';
    answer = (response) => {
      processes += execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' });
      response.end('{"accepted":true}');
    };
    const run = await fixture.evertrain.start(kinds, { day }, { provenance: false });
    const found = { shop: 'b/c', sum: 2.5 };
    const output = { rows: 2, found, isCounted: true, changed: 1, accepted: true };
    expect(await run.result()).toEqual({ outcome: 'completed', output });
    expect(await postgres.run('SELECT shop FROM best')).toEqual([{ shop: 'b/c' }]);
    expect(asked).toMatchObject([{ url: '/shops/b%2Fc', headers: { authorization: `Bearer ${key}` } }]);
    const kept = await filesOf(fixture.engine.dataDir);
    const told = new Map([...kept, ['history', await bytesOf(run)], ['view', JSON.stringify(await run.view())]]);
    told.set('ps', processes);
    expect(kept.size).toBeGreaterThan(5);
    expect([...told].filter(([, text]) => text.includes('working with '))).not.toEqual([]);
    for (const secret of [key, postgres.password, encodeURIComponent(postgres.password)]) {
      expect([...told].filter(([, text]) => text.includes(secret)).map(([where]) => where)).toEqual([]);
    }
  });

  it('are tried again when the server says so, with the same idempotency key', async () => {
    const answers = [429, 503, 200];
    answer = (response) => {
      const status = answers[asked.length - 1] ?? 500;
      response.writeHead(status, { 'retry-after': '1' }).end('{"accepted":true}');
    };
    const run = await fixture.evertrain.start(kinds, { day }, { provenance: false });
    expect(await run.result()).toMatchObject({ outcome: 'completed' });
    expect(asked.length).toBe(3);
    expect(new Set(asked.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect((await run.view()).steps.find((step) => step.name === 'tell')).toMatchObject({ attempt: 3 });
  });

  it('fail at once with what the same request would get again', async () => {
    answer = (response) => void response.writeHead(403).end(`no ${key}`);
    const run = await fixture.evertrain.start(kinds, { day }, { provenance: false });
    await expect(run.result()).rejects.toMatchObject({
      code: 'USER_REQUEST_REFUSED',
      message: expect.stringContaining('no …') as string,
    });
    expect(asked.length).toBe(1);
    expect(await bytesOf(run)).not.toContain(key);
  });

  it('are refused before a worker starts that lacks a secret', async () => {
    vi.stubEnv('EVERTRAIN_TEST_KEY', '');
    await expect(fixture.worker()).rejects.toThrow('EVERTRAIN_TEST_KEY');
    vi.stubEnv('EVERTRAIN_TEST_KEY', key);
  });
});

describe('a run that is started and not waited for', () => {
  it('is one, whoever dies, and linked with who started it', async () => {
    const both = [name, `${name}/other`];
    for (const one of both) fixture.effects.hold(one);
    const run = await begin();
    await Promise.all(both.map((one) => fixture.effects.began(one)));
    await worker.kill();
    worker = await fixture.worker({ cachedRuns: 0 });
    for (const one of both) fixture.effects.release(one);
    const workflowId = `${run.workflowId}/other`;
    expect(await run.result()).toMatchObject({ output: { workflowId, isNew: true } });
    const started = fixture.evertrain.attach(workflowId);
    expect(await started.result()).toMatchObject({ outcome: 'completed' });
    expect(fixture.effects.count(`${name}/other`)).toBe(1);
    const { children, edges } = await run.view();
    expect(children).toMatchObject([{ workflowId, pipeline: 'other', isDetached: true }]);
    expect(edges).toContainEqual(expect.objectContaining({ from: `child:${workflowId}`, to: 'effect' }));
    expect((await started.view()).parent).toMatchObject({ workflowId: run.workflowId });
  });

  it('goes on when who started it is cancelled', async () => {
    fixture.effects.hold(name);
    fixture.effects.hold(`${name}/other`);
    const run = await begin();
    await Promise.all([fixture.effects.began(name), fixture.effects.began(`${name}/other`)]);
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    const lines = renderTree(await run.view(), { color: false, width: 200 });
    expect(lines.join('\n')).toContain(`▸ other started, not waited for, ${run.workflowId}/other`);
    fixture.effects.release(`${name}/other`);
    const started = fixture.evertrain.attach(`${run.workflowId}/other`);
    expect(await started.result()).toMatchObject({ outcome: 'completed' });
    const { events } = await fetchHistory(fixture.evertrain.client, started.workflowId, (await started.view()).runId);
    expect(events?.filter((event) => event.workflowExecutionCancelRequestedEventAttributes)).toEqual([]);
    fixture.effects.release(name);
  });

  it('is one for all who start it by the same id', async () => {
    const first = await begin('the-other');
    const { output } = (await first.result()) as { output: unknown };
    expect(output).toMatchObject({ workflowId: 'the-other', isNew: true });
    await fixture.evertrain.attach('the-other').result();
    const second = await begin('the-other');
    expect(await second.result()).toMatchObject({ output: { workflowId: 'the-other', isNew: false } });
    expect(fixture.effects.count(`${name}/other`)).toBe(1);
    expect((await second.view()).children).toMatchObject([{ status: 'existed' }]);
  });

  it('is not started again by a rerun from a step behind it', async () => {
    const first = await begin();
    const { output } = (await first.result()) as { output: { workflowId: string } };
    await fixture.evertrain.attach(output.workflowId).result();
    const again = await fixture.evertrain.rerun(first.workflowId, { from: 'effect' });
    expect(await again.result()).toMatchObject({ output });
    expect([fixture.effects.count(name), fixture.effects.count(`${name}/other`)]).toEqual([2, 1]);
  });
});
