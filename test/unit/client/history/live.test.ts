import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchHistory } from '../../../../client/history/fetch.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView } from '../../../../client/history/run-view.js';
import { quiet, rawWorker, table } from '../support/raw-worker.js';
import { startTemporal } from '../support/temporal-server.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  quiet();
  env = await startTemporal();
});
afterAll(() => env?.teardown());

async function viewOf(workflowId: string): Promise<RunView> {
  const { raw } = await env.client.workflow.getHandle(workflowId).describe();
  return projectRun({ history: await fetchHistory(env.client, workflowId), pending: raw });
}

function start(type: string, workflowId: string, ...args: unknown[]) {
  return env.client.workflow.start(type, { taskQueue: 'q', workflowId, args });
}

test('a finished run of a real server shows steps, cache hits, gates, children and data edges', async () => {
  const worker = await rawWorker(env, 'q');
  await worker.runUntil(async () => (await start('wide', 'wide', { n: 150 }, { seed: 3 })).result());
  const view = await viewOf('wide');
  expect(view).toMatchObject({ workflowId: 'wide', pipeline: 'wide', status: { kind: 'completed' }, seed: 3 });
  expect(view.gates).toMatchObject([{ name: 'data is usable', passed: true, facts: { rows: 150 } }]);
  expect(view.steps.map(({ id, name, status, attempt }) => ({ id, name, status, attempt }))).toEqual([
    { id: 'ingest', name: 'ingest', status: 'completed', attempt: 1 },
    { id: 'features', name: 'features', status: 'cached', attempt: 0 },
    { id: 'search[0]/fit', name: 'fit', status: 'completed', attempt: 1 },
    { id: 'search[1]/fit', name: 'fit', status: 'completed', attempt: 1 },
    { id: 'flaky', name: 'flaky', status: 'completed', attempt: 2 },
  ]);
  expect(view.steps[2]).toMatchObject({
    groups: ['search'],
    seed: 7,
    input: { table, depth: 1 },
    metrics: { accuracy: 0.93, f1: 0.9 },
    summary: 'search[0]/fit: does fit',
  });
  expect(view.children).toMatchObject([{ workflowId: 'wide/leaf', pipeline: 'leaf', status: 'rejected' }]);
  const between = (kind: string) => view.edges.filter((e) => e.kind === kind).map(({ from, to }) => `${from} → ${to}`);
  expect(between('data')).toEqual(['ingest → features', 'features → search[0]/fit', 'features → search[1]/fit']);
  expect(between('cause')).toEqual(expect.arrayContaining(['ingest → features', 'flaky → child:wide/leaf']));
});

test('a run that waits shows for what, and afterwards who answered and what that led to', async () => {
  const worker = await rawWorker(env, 'q');
  await worker.runUntil(async () => {
    const handle = await start('waits', 'waits');
    await expect.poll(() => viewOf('waits'), { timeout: 20_000 }).toMatchObject({ waitingFor: ['approval:ship'] });
    await handle.executeUpdate('evertrain.approve', { args: [{ id: 'ship', answer: true, actor: 'ann' }] });
    await handle.signal('go', { a: 1 });
    await handle.result();
  });
  const view = await viewOf('waits');
  expect(view).toMatchObject({
    status: { kind: 'rejected', gate: 'good enough', facts: { accuracy: 0.1 } },
    waitingFor: [],
    approvals: [{ id: 'ship', state: 'answered', answer: true, actor: 'ann', facts: { accuracy: 0.9 } }],
    signals: [{ name: 'go', payload: { a: 1 } }],
    timers: [{ status: 'fired' }],
  });
  const causes = view.edges.map(({ from, to }) => `${from} → ${to}`);
  expect(causes).toContain('approval:ship → afterAnswer');
  expect(causes).toContain('signal:go#1 → afterSignal');
  expect(causes).toContain(`timer:${view.timers[0]?.id} → afterTimer`);
});

test('a step at work shows its attempt and heartbeat, one without a worker is queued, and history alone knows neither', async () => {
  const worker = await rawWorker(env, 'q');
  await worker.runUntil(async () => {
    const working = await start('one', 'working', { step: 'beats' });
    const waiting = await start('one', 'waiting', { step: 'beats', queue: 'nobody' });
    const step = async (id: string) => (await viewOf(id)).steps[0];
    const running = { status: 'running', attempt: 1, progress: { fraction: expect.any(Number) } };
    await expect.poll(() => step('working'), { timeout: 20_000 }).toMatchObject(running);
    await expect.poll(() => step('waiting'), { timeout: 20_000 }).toMatchObject({ status: 'queued', attempt: 1 });
    const history = await fetchHistory(env.client, 'working');
    expect(projectRun({ history }).steps[0]).toMatchObject({ status: 'unknown', attempt: 'unknown' });
    await Promise.all([working.terminate('enough'), waiting.terminate('enough')]);
  });
  const view = await viewOf('working');
  expect(view.status).toEqual({ kind: 'terminated', reason: 'enough' });
  expect(view.steps[0]).toMatchObject({ status: 'unknown' });
});

test('a failed run names the code and the step, and a continued one the run that goes on', async () => {
  const worker = await rawWorker(env, 'q');
  await worker.runUntil(async () => {
    await expect((await start('one', 'failing', { step: 'malformed' })).result()).rejects.toThrow();
    const handle = await start('again', 'again', 1);
    await handle.result();
    const first = await fetchHistory(env.client, 'again', handle.firstExecutionRunId);
    expect(projectRun({ history: first }).status).toEqual({ kind: 'continued', runId: expect.any(String) });
  });
  const view = await viewOf('failing');
  expect(view.status).toEqual({
    kind: 'failed',
    code: 'USER_DATA_MALFORMED',
    message: 'row 3 has no label',
    stepId: 'malformed',
  });
  expect(view.steps[0]).toMatchObject({ status: 'failed', failure: { code: 'USER_DATA_MALFORMED' } });
});
