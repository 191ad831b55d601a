import { fileURLToPath } from 'node:url';
import { Context } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { ApplicationFailure, type Payload } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineRuns } from '../../../../worker/maintenance/engine-runs.js';
import { historyRoots } from '../../../../worker/maintenance/history-roots.js';
import { ensureTemporal } from '../../../../worker/setup/temporal.mjs';
import { type Artifact, forEachArtifact } from '../../../../workflows/sdk/artifact.js';
import type { Plants } from './support/planting-workflows.js';

const taskQueue = 'roots';
const digestOf = (n: number) => n.toString(16).padStart(64, '0');
const artifact = (n: number): Artifact => ({
  uri: `file:sha256/${digestOf(n)}`,
  sha256: digestOf(n),
  sizeBytes: n,
  mediaType: 'text/plain',
});
const plants: Plants = {
  passed: artifact(1),
  local: artifact(2),
  failure: artifact(3),
  memo: artifact(4),
  next: { deep: [artifact(5)] },
};

describe('historyRoots', () => {
  let environment: TestWorkflowEnvironment;
  let client: Client;
  let worker: Worker;
  let running: Promise<void>;
  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const { path } = await ensureTemporal();
    environment = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'existing-path', path } },
    });
    client = environment.client;
    worker = await Worker.create({
      connection: environment.nativeConnection,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('support/planting-workflows.ts', import.meta.url)),
      activities: {
        answer: (value: unknown) => Promise.resolve({ answered: value }),
        failWith: (value: unknown) => Promise.reject(ApplicationFailure.create({ message: 'no', details: [value] })),
        async heartbeatAndHang(value: unknown) {
          Context.current().heartbeat({ checkpoint: value });
          await Context.current().cancelled;
        },
      },
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker.shutdown();
    await running;
    await environment.teardown();
  });

  const found = async (): Promise<string[]> => {
    const digests = new Set<string>();
    for await (const root of historyRoots(client)) forEachArtifact(root, ({ sha256 }) => digests.add(sha256));
    return [...digests].sort();
  };

  it('gives the artifacts of every place that a run, open or ended, and a schedule keep', async () => {
    const run = await client.workflow.start('plant', {
      taskQueue,
      workflowId: 'planted',
      args: [plants],
      memo: { started: artifact(6) },
    });
    await run.signal('plant', artifact(7));
    await run.executeUpdate('plant', { args: [artifact(8)] });
    const ended = await client.workflow.start('plantResult', { taskQueue, workflowId: 'ended', args: [artifact(9)] });
    await Promise.all([run.result().catch(() => undefined), ended.result()]);
    const open = await client.workflow.start('hang', { taskQueue, workflowId: 'open', args: [artifact(10)] });
    await client.schedule.create({
      scheduleId: 'planted',
      spec: { calendars: [{ year: 2100 }] },
      action: { type: 'startWorkflow', workflowType: 'plantResult', taskQueue, args: [artifact(11)] },
    });
    await expect
      .poll(found, { timeout: 20_000, interval: 300 })
      .toEqual(Array.from({ length: 11 }, (_, i) => digestOf(i + 1)));

    const runs = await engineRuns(client);
    expect(runs.openRuns).toEqual([{ workflowId: 'open', runId: open.firstExecutionRunId }]);
    expect(runs.retainedRuns.map((one) => one.workflowId).sort()).toEqual(['ended', 'planted', 'planted']);
    expect(runs.lendingRuns).toEqual([]);
    await open.terminate();
  });

  it('tells the ended runs that an open one may go on from: its executions, its child runs, and what it repeats', async () => {
    const start = (type: string, workflowId: string, args: unknown[]) =>
      client.workflow.start(type, { taskQueue, workflowId, args });
    const ids = async () => (await engineRuns(client)).lendingRuns.map(({ workflowId }) => workflowId).sort();
    const [first, origin] = [await start('plantResult', 'first', [1]), await start('plantResult', 'origin', [1])];
    await Promise.all([first.result(), origin.result()]);
    const of = { workflowId: 'first', runId: first.firstExecutionRunId };
    const from = { workflowId: 'origin', runId: origin.firstExecutionRunId };
    const rerun = { of, from: 'fit', recorded: { 'search[0]/fit': { inputDigest: '', output: 1, from } } };
    const again = await start('hang', 'again', [{ n: 1 }, { rerun }]);
    const studying = await start('study', 'studying', [0]);
    await expect
      .poll(ids, { timeout: 20_000, interval: 300 })
      .toEqual(['first', 'origin', 'studying', 'studying/trial']);
    for (const run of [again, studying]) await client.workflow.getHandle(run.workflowId).terminate();
    await expect.poll(ids, { timeout: 20_000, interval: 300 }).toEqual([]);
    // A model is open for ever, and keeps nothing of what it started.
    const model = await start('evertrain.model', 'model/m', [0]);
    const known = async () => {
      const { openRuns, retainedRuns } = await engineRuns(client);
      return [...openRuns, ...retainedRuns].map((run) => run.workflowId).filter((id) => id.startsWith('model/'));
    };
    await expect.poll(known, { timeout: 20_000, interval: 300 }).toEqual(['model/m', 'model/m', 'model/m/trial']);
    expect(await ids()).toEqual([]);
    await client.workflow.getHandle(model.workflowId).terminate();
  });

  it('sees heartbeat details before a history has them', async () => {
    const open = await client.workflow.start('hang', { taskQueue, workflowId: 'beating', args: [artifact(12)] });
    const heartbeats = async () => {
      const all: unknown[] = [];
      for await (const root of historyRoots(client)) all.push(root);
      return all;
    };
    await expect.poll(heartbeats, { timeout: 20_000, interval: 300 }).toContainEqual({ checkpoint: artifact(12) });
    await open.terminate();
  });

  it('decodes with the codec of the client, and refuses to go on without it', async () => {
    const masked = new Client({
      connection: environment.connection,
      dataConverter: {
        payloadCodecs: [
          {
            encode: async (payloads: Payload[]) => payloads.map(mask),
            decode: async (payloads: Payload[]) => payloads.map(unmask),
          },
        ],
      },
    });
    const run = await masked.workflow.start('hang', {
      taskQueue: 'nobody',
      workflowId: 'masked',
      args: [artifact(13)],
    });
    const seen: unknown[] = [];
    await expect
      .poll(
        async () => {
          for await (const root of historyRoots(masked)) seen.push(root);
          return seen;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toContainEqual(artifact(13));
    await expect(found()).rejects.toMatchObject({ code: 'USER_OPTION_INVALID', value: 'binary/masked' });
    await run.terminate();
  });
});

const maskedEncoding = Buffer.from('binary/masked');

function mask(payload: Payload): Payload {
  const data = Buffer.from(JSON.stringify([payload.metadata?.['encoding'], payload.data].map((b) => [...(b ?? [])])));
  return { metadata: { encoding: maskedEncoding }, data };
}

function unmask(payload: Payload): Payload {
  if (!maskedEncoding.equals(payload.metadata?.['encoding'] ?? Buffer.alloc(0))) return payload;
  const [encoding, data] = JSON.parse(Buffer.from(payload.data ?? []).toString()) as [number[], number[]];
  return { metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) };
}
