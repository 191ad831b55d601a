import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Bucket } from '../../activities/sdk/s3/bucket.js';
import { fetchHistory } from '../../client/history/fetch.js';
import type { RunView, StepView } from '../../client/history/run-view.js';
import type { Run } from '../../client/run.js';
import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import { jsonDigest } from '../../workflows/sdk/digest.js';
import {
  type Artifact,
  type Condition,
  connection,
  httpAnswers,
  type NewsFacts,
  objectExists,
  prefixHasNews,
  runEnded,
  type SensorOptions,
  sqlReturnsRows,
  timeIs,
} from '../../workflows/sdk/index.js';
import { watchWorkflowId } from '../../workflows/sdk/sensors/run-watch.js';
import { arriving, beside, sensing } from '../fixtures/sensors/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type GcsServer, startGcsServer } from '../support/gcs-server.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { type S3Server, startS3Server } from '../support/s3-server.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { webhookReceiver } from '../support/webhook-receiver.js';

let fixture: DurableProject;
let s3: S3Server;
let gcs: GcsServer;
let postgres: PostgresServer;
let worker: SpawnedWorker;
let folder: string;
let key: string;

beforeAll(async () => {
  [fixture, s3, gcs, postgres] = await Promise.all([
    durableProject('sensors'),
    startS3Server(),
    startGcsServer(),
    startPostgres(),
  ]);
  await postgres.run('CREATE TABLE arrivals (name text, size int)');
  // Workers inherit the environment.
  const { EVERTRAIN_STORE: _store, ...aws } = s3.env;
  for (const [name, value] of Object.entries({ ...aws, ...gcs.env })) vi.stubEnv(name, value);
  vi.stubEnv('EVERTRAIN_TEST_WAREHOUSE', postgres.url);
  worker = await fixture.worker({ queues: { evertrain: { slots: 4 } } });
});
afterAll(async () => {
  await Promise.all([fixture?.close(), s3?.stop(), gcs?.stop(), postgres?.stop()]);
  vi.unstubAllEnvs();
});
beforeEach(async ({ task }) => {
  key = task.name;
  folder = join(fixture.engine.dataDir, `data-${task.id}`);
  await mkdir(folder);
});

const files = connection('files', { kind: 'duckdb' });
const postgresBy = (secret: string) => connection('warehouse', { kind: 'postgres', url: { secret } });
const often: SensorOptions = { every: '50ms' };

function start(
  conditions: readonly Condition[],
  options = often,
  pipeline: PipelineDefinition = sensing,
): Promise<Run> {
  const input = { effects: fixture.effects.url, key, conditions: [...conditions], options };
  return fixture.evertrain.start(pipeline as typeof sensing, input, { provenance: false });
}

async function untilView(run: Run, holds: (view: RunView) => boolean): Promise<RunView> {
  for (;;) {
    const view = await run.view();
    if (holds(view)) return view;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Everything that the engine keeps of the run, payloads as they are. */
async function bytesOf({ workflowId, runId }: Run): Promise<string> {
  const history = await fetchHistory(fixture.evertrain.client, workflowId, runId);
  return Buffer.from(proto.temporal.api.history.v1.History.encode(history).finish()).toString('latin1');
}

const looks = (step: StepView | undefined) => (step?.status === 'waiting' ? step.looks : -1);

describe('a sensor', () => {
  it('fires once when its file is there, and costs three events until then', async () => {
    const path = join(folder, 'x.csv');
    const run = await start([objectExists(path)]);
    const waiting = await untilView(run, ({ steps: [step] }) => looks(step) >= 3);
    expect(waiting.steps).toMatchObject([
      { status: 'waiting', waitsUntil: `${path} exists`, lastLook: 'nothing is there yet' },
    ]);
    expect(waiting.events).toBe(5);
    await writeFile(path, 'a,b\n');
    const found = { uri: path, sizeBytes: 4, modifiedAt: expect.any(String) as string };
    expect(await run.result()).toEqual({ outcome: 'completed', output: [found] });
    expect(fixture.effects.count(key)).toBe(1);
    const { steps } = await run.view();
    expect(steps.map(({ id, status }) => [id, status])).toEqual([
      ['sensor-0', 'completed'],
      ['effect', 'completed'],
    ]);
  });

  it('of a run with many keeps no stack trace, which Temporal shows of a few', async () => {
    const stackOf = ({ workflowId }: Run) =>
      fixture.evertrain.client.workflow.getHandle(workflowId).query<string>('__stack_trace');
    const waiting = (count: number) =>
      start(Array.from({ length: count }, () => timeIs(new Date(Date.now() + 3_600_000))));
    const [few, many] = await Promise.all([waiting(2), waiting(100)]);
    expect(await stackOf(few)).toContain('untilGate');
    expect(await stackOf(many)).toBe('');
    await Promise.all([few.cancel(), many.cancel()]);
  });

  it('outlives its worker, and fires once', async () => {
    const path = join(folder, 'late.csv');
    const run = await start([objectExists(path)], { every: '2s' });
    await untilView(run, ({ steps: [step] }) => looks(step) === 1);
    await worker.kill();
    await writeFile(path, '');
    worker = await fixture.worker({ queues: { evertrain: { slots: 4 } } });
    expect(await run.result()).toMatchObject({ outcome: 'completed' });
    expect(fixture.effects.count(key)).toBe(1);
  });

  it('looks into S3, Google Cloud Storage and PostgreSQL, whose password is in no history', async () => {
    const query = 'SELECT name FROM arrivals WHERE size > $1';
    const conditions = [
      objectExists('s3://evertrain/in/x.csv'),
      prefixHasNews('s3://evertrain/in', { pattern: '*.parquet' }),
      prefixHasNews('gs://evertrain/in', { pattern: '*.parquet' }),
      sqlReturnsRows(postgresBy('EVERTRAIN_TEST_WAREHOUSE'), query, { params: [5] }),
    ];
    const run = await start(conditions);
    await untilView(run, ({ steps }) => steps.length === 4 && steps.every((step) => looks(step) >= 1));
    const bucket = new Bucket({ url: 's3://evertrain' }, 'in/');
    await bucket.put('x.csv', Buffer.from('x'));
    await bucket.put('y.parquet', Buffer.from('y'));
    await gcs.put('in/z.parquet', 'zz');
    await postgres.run("INSERT INTO arrivals VALUES ('x', 7)");
    const output = [
      { etag: expect.any(String) as string },
      { objects: [{ sizeBytes: 1 }] },
      {
        objects: [{ uri: 'gs://evertrain/in/z.parquet', sizeBytes: 2, etag: expect.stringMatching(/^\d+$/) as string }],
      },
      { rows: [{ name: 'x' }] },
    ];
    expect(await run.result()).toMatchObject({ outcome: 'completed', output });
    expect(fixture.effects.count(key)).toBe(4);
    const history = await bytesOf(run);
    expect(history).toContain('EVERTRAIN_TEST_WAREHOUSE');
    for (const one of [postgres.password, encodeURIComponent(postgres.password)]) expect(history).not.toContain(one);
  });

  it('of sixty takes no slot, holds up no step, and each fires once', async () => {
    const names = Array.from({ length: 60 }, (_, n) => join(folder, `${n}`));
    const run = await start(
      names.map((name) => objectExists(name)),
      { every: '1s' },
    );
    await untilView(run, ({ steps }) => steps.length === 60 && steps.every((step) => looks(step) >= 1));
    const other = await start([objectExists(join(folder, 'never'))], often, beside);
    await fixture.effects.began(key);
    await other.cancel();
    for (const name of names) await writeFile(name, '');
    await run.result();
    expect(fixture.effects.count(key)).toBe(61);
  });

  it('fails when its time is over, with what it saw last', async () => {
    const run = await start([objectExists(join(folder, 'never'))], { every: '50ms', timeout: '300ms' });
    await expect(run.result()).rejects.toMatchObject({
      code: 'GATE_SENSOR_TIMED_OUT',
      message: expect.stringMatching(
        /"sensor-0" failed: It was waited 0.3 s until .*never exists.*nothing is there yet/,
      ) as string,
    });
    expect((await run.view()).steps).toMatchObject([{ status: 'failed', failure: { code: 'GATE_SENSOR_TIMED_OUT' } }]);
  });

  it('answers undefined when its time is over and it may be skipped', async () => {
    const run = await start([objectExists(join(folder, 'never'))], {
      every: '1h',
      timeout: '300ms',
      onTimeout: 'skip',
    });
    expect(await run.result()).toEqual({ outcome: 'completed', output: [null] });
    expect([fixture.effects.count(key), fixture.effects.count(`${key} skipped`)]).toEqual([0, 1]);
    expect((await run.view()).steps[0]).toMatchObject({ status: 'completed', attempt: 2 });
  });

  it('that cannot look shows why, waits on and tells nobody', async () => {
    const receiver = await webhookReceiver();
    const telling = await fixture.worker({ webhook: receiver.url });
    const run = await start([httpAnswers('http://127.0.0.1:1/')]);
    const view = await untilView(run, ({ steps: [step] }) => looks(step) >= 3);
    expect(view.steps[0]).toMatchObject({ status: 'waiting', lastFailure: { code: 'SYSTEM_SERVER_UNREACHABLE' } });
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect((await run.view()).steps).toMatchObject([{ status: 'cancelled' }]);
    expect(receiver.received).toEqual([]);
    await telling.stop();
  });

  it('is cancelled in the middle of a look as between two', async () => {
    fixture.effects.hold(key);
    const run = await start([httpAnswers(`${fixture.effects.url}/begin/${encodeURIComponent(key)}`)]);
    await fixture.effects.began(key);
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    fixture.effects.release(key);
    expect(fixture.effects.count(key)).toBe(0);
  });

  it.each([
    [
      'a query that writes',
      () => sqlReturnsRows(files, 'WITH x AS (SELECT 1) INSERT INTO t FROM x'),
      'USER_QUERY_REFUSED',
    ],
    ['a second statement', () => sqlReturnsRows(files, "SELECT 1; COPY (SELECT 1) TO 'x.csv'"), 'USER_QUERY_REFUSED'],
    [
      'a secret that is not set',
      () => sqlReturnsRows(postgresBy('NOT_SET_ANYWHERE'), 'SELECT 1'),
      'USER_SECRET_MISSING',
    ],
    ['objects of no known kind', () => objectExists('az://container/blob'), 'USER_SENSOR_FAILED'],
  ])('is refused at its first look: %s', async (_, condition, code) => {
    const run = await start([condition()]);
    await expect(run.result()).rejects.toMatchObject({ code });
    expect((await run.view()).steps).toMatchObject([{ status: 'failed', attempt: 1 }]);
  });

  it('for news tells each file once, from mark to mark', async () => {
    await writeFile(join(folder, 'a.csv'), 'a');
    await writeFile(join(folder, 'a.txt'), 'a');
    const news = async (since?: Artifact): Promise<NewsFacts> => {
      const run = await start([prefixHasNews(folder, { pattern: '*.csv', since })]);
      return ((await run.result()) as { output: [NewsFacts] }).output[0];
    };
    const first = await news();
    expect(first.objects.map(({ uri }) => uri)).toEqual([`${folder}/a.csv`]);
    const next = news(first.mark);
    await writeFile(join(folder, 'b.tmp'), 'b');
    await rename(join(folder, 'b.tmp'), join(folder, 'b.csv'));
    expect((await next).objects.map(({ uri }) => uri)).toEqual([`${folder}/b.csv`]);
  });

  it('waits for the end of another run', async () => {
    const path = join(folder, 'first');
    const first = await start([objectExists(path)]);
    const run = await start([runEnded(first.workflowId, { outcome: 'completed' })]);
    await untilView(run, ({ steps: [step] }) => looks(step) >= 1);
    await writeFile(path, '');
    expect(await run.result()).toMatchObject({
      outcome: 'completed',
      output: [{ outcome: 'completed', runId: first.runId, output: [{ uri: path }] }],
    });
    const failing = await start([runEnded(first.workflowId, { outcome: 'failed' })]);
    await expect(failing.result()).rejects.toMatchObject({ code: 'USER_SENSOR_FAILED' });
  });

  it('waits for a time by a timer', async () => {
    const at = new Date(Date.now() + 1_000);
    const run = await start([timeIs(at)]);
    expect(await run.result()).toEqual({ outcome: 'completed', output: [{ at: at.toISOString() }] });
    expect(Date.now()).toBeGreaterThanOrEqual(at.getTime());
    expect((await run.view()).timers).toMatchObject([
      { status: 'fired', summary: `sensor-0: until it is ${at.toISOString()}` },
    ]);
  });

  it('is not asked again by a rerun from a step behind it', async () => {
    const path = join(folder, 'gone');
    await writeFile(path, '');
    const first = await start([objectExists(path)]);
    await first.result();
    await rm(path);
    const again = await fixture.evertrain.rerun(first.workflowId, { from: 'effect' });
    expect(await again.result()).toMatchObject({ outcome: 'completed', output: [{ uri: path }] });
    expect(fixture.effects.count(key)).toBe(2);
  });
});

describe('a watch over a folder', () => {
  it('trains a model on each file once, also when its worker is killed, until it ends', async () => {
    const handle = fixture.evertrain.model(arriving);
    const watched = prefixHasNews(folder, { pattern: '*.csv' });
    const settings = { every: '500ms', attributes: { effects: fixture.effects.url, key } } as const;
    const learned = (name: string, times: number) =>
      expect.poll(() => fixture.effects.count(`learn/${key}/${name}`), { timeout: 20_000 }).toBe(times);
    await writeFile(join(folder, 'a.csv'), '');
    await handle.watch(watched, settings);
    await learned('a.csv', 1);
    // Killed between its effect and its end, the step would have the effect again: that would pass for the changed file.
    await expect.poll(async () => (await handle.state()).trainings.length, { timeout: 20_000 }).toBe(1);
    await worker.kill();
    await writeFile(join(folder, 'b.csv'), '');
    await writeFile(join(folder, 'b.txt'), '');
    worker = await fixture.worker();
    await handle.watch(watched, { ...settings, every: '400ms' });
    await learned('b.csv', 1);
    await writeFile(join(folder, 'a.csv'), 'changed');
    await learned('a.csv', 2);
    await handle.unwatch(folder);
    const { data } = await handle.state();
    expect(data?.counts).toMatchObject({ received: 3, duplicates: 0 });
    await learned('b.csv', 1);
    const watch = fixture.evertrain.client.workflow.getHandle(watchWorkflowId('arriving', jsonDigest(`${folder}/`)));
    await expect.poll(async () => (await watch.describe()).status.name, { timeout: 10_000 }).toBe('CANCELLED');
    await handle.unwatch(folder);
  });
});
