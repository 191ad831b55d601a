import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../client/connect.js';
import type { Evertrain } from '../../../client/evertrain.js';
import type { RunEvent } from '../../../client/run-events.js';
import { classifier, failing, gated, released, shipping, sleeping, train, working } from './support/project.js';
import { quiet } from './support/raw-worker.js';
import { type Served, serveProject } from './support/serve-project.js';
import { startTemporal } from './support/temporal-server.js';

let env: TestWorkflowEnvironment;
let served: Served;
let evertrain: Evertrain;

beforeAll(async () => {
  quiet();
  env = await startTemporal();
  served = await serveProject(env.address);
  evertrain = await connect({ address: env.address, attempts: served.attempts });
});
afterAll(async () => {
  await evertrain?.close();
  await served?.end();
  await env?.teardown();
});

describe('starting', () => {
  test('runs a pipeline and answers its typed output', async () => {
    const result = await evertrain.execute(train, { rows: 3 }, { seed: 5 });
    expect(result).toMatchObject({ outcome: 'completed', output: { kind: 'candidate', metrics: { accuracy: 0.82 } } });
  });

  test('answers the gate that ended a run', async () => {
    const result = await evertrain.execute(gated, { value: -1 }, { provenance: false });
    expect(result).toEqual({ outcome: 'rejected', gate: 'value is positive', facts: { value: -1 } });
  });

  test('refuses an input that does not fit, before anything starts', async () => {
    // @ts-expect-error the field has another type
    await expect(evertrain.start(gated, { value: 'x' })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    await expect(evertrain.start(gated, { value: Number.NaN })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    const large = { rows: 1, at: 'x'.repeat(2_000_000) };
    await expect(evertrain.start(train, large)).rejects.toMatchObject({ code: 'USER_PAYLOAD_TOO_LARGE' });
  });

  test('refuses an unknown option, a foreign value and a fraction for a seed', async () => {
    // @ts-expect-error no such option
    await expect(evertrain.start(gated, { value: 1 }, { sed: 1 })).rejects.toMatchObject({
      code: 'USER_OPTION_UNKNOWN',
    });
    await expect(evertrain.start('gated' as never, {} as never)).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    for (const priority of [0, 7, Number.NaN] as unknown as 1[]) {
      await expect(evertrain.start(gated, { value: 1 }, { priority })).rejects.toMatchObject({
        code: 'USER_OPTION_INVALID',
      });
    }
    await expect(evertrain.start(gated, { value: 1 }, { seed: 0.5 })).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
    });
  });

  test('by name refuses a pipeline that is not known, with the nearest name', async () => {
    const known = [train, gated, shipping];
    const unknown = evertrain.startByName('shiping', {}, { known });
    await expect(unknown).rejects.toMatchObject({ code: 'USER_PIPELINE_UNKNOWN', remedy: 'Did you mean "shipping"?' });
    await expect(evertrain.startByName('gated', {}, { known })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    const run = await evertrain.startByName('gated', { value: 2 }, { known });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { value: 2 } });
  });

  test('with the id of an open run fails, or attaches to it', async () => {
    const first = await evertrain.start(sleeping, {}, { id: 'twice', provenance: false });
    const second = evertrain.start(sleeping, {}, { id: 'twice', provenance: false });
    await expect(second).rejects.toMatchObject({ code: 'USER_RUN_EXISTS', value: 'twice' });
    const attached = await evertrain.start(sleeping, {}, { id: 'twice', conflict: 'use-existing', provenance: false });
    expect(attached.runId).toBe(first.runId);
    await first.terminate('enough');
    await expect(attached.result()).rejects.toMatchObject({
      code: 'USER_RUN_TERMINATED',
      message: expect.stringContaining('terminated: enough') as string,
    });
  });
});

describe('a run', () => {
  test('is seen with its steps, attempts from the journal, data edges and provenance', async () => {
    const run = await evertrain.start(train, { rows: 3 });
    await run.result();
    // An answer does not wait for its attempt's record.
    await expect.poll(async () => (await run.view()).steps[1]?.attempts?.length, { timeout: 5_000 }).toBe(1);
    const view = await run.view();
    expect(view.steps.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'table.make completed',
      'fit[0]/fit completed',
      'fit[1]/fit completed',
    ]);
    expect(view.steps[1]).toMatchObject({
      metrics: { accuracy: 0.81 },
      attempts: [{ attempt: 1, outcome: 'completed' }],
    });
    expect(view.edges).toContainEqual({ from: 'table.make', to: 'fit[1]/fit', kind: 'data', approximate: false });
    expect(view.provenance).toMatchObject({ node: process.version, lockFiles: expect.any(Object) });
  });

  test('that failed throws with the original code and remedy', async () => {
    const run = await evertrain.start(failing, {});
    const error = await run.result().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'USER_DATA_MALFORMED' });
    expect(String(error)).toContain('Row 3 has no label.');
    expect(String(error)).toContain('Add it.');
    expect((await run.view()).status).toMatchObject({ kind: 'failed', code: 'USER_DATA_MALFORMED', stepId: 'broken' });
  });

  test('that does not exist is said to be unknown', async () => {
    const run = evertrain.attach('nobody');
    await expect(run.view()).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    await expect(run.cancel()).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    await expect(collect(run.events())).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    expect(() => evertrain.attach('')).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
  });

  test('takes a checked signal and a checked answer, each once', async () => {
    const run = await evertrain.start(shipping, {}, { id: 'shipping/1' });
    await expect.poll(() => run.approvals(), { timeout: 20_000 }).toMatchObject([{ id: 'ship?', state: 'waiting' }]);
    await expect(run.approve('ship', { approved: true })).rejects.toMatchObject({ code: 'USER_APPROVAL_UNKNOWN' });
    await expect(run.approve('ship?', { approved: 'yes' })).rejects.toMatchObject({ code: 'USER_ANSWER_INVALID' });
    await run.approve('ship?', { approved: true }, { actor: 'ann' });
    await expect(run.approve('ship?', { approved: false })).rejects.toMatchObject({ code: 'USER_APPROVAL_ANSWERED' });
    // @ts-expect-error the field has another name
    await expect(run.signal(released, { from: 'ann' })).rejects.toMatchObject({ code: 'USER_SIGNAL_INVALID' });
    await run.signal(released, { by: 'bob' });
    const attached = evertrain.attach(shipping, 'shipping/1');
    expect(await attached.result()).toEqual({ outcome: 'completed', output: { approved: true, by: 'bob' } });
    expect((await attached.view()).approvals).toMatchObject([{ id: 'ship?', state: 'answered', actor: 'ann' }]);
  });

  test('can be cancelled', async () => {
    const run = await evertrain.start(sleeping, {});
    await expect.poll(async () => (await run.view()).timers.length, { timeout: 20_000 }).toBe(1);
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect((await run.view()).status).toEqual({ kind: 'cancelled' });
  });
});

describe('events', () => {
  test('tell retries, progress and ends as they happen, and end with the run', async () => {
    const run = await evertrain.start(working, { beats: 25 });
    const events = await collect(run.events());
    const types = events.map((event) => event.type);
    expect(types.filter((type) => type !== 'step-progress')).toEqual(
      expect.arrayContaining(['step-queued', 'step-started', 'step-completed', 'closed']),
    );
    expect(types.at(-1)).toBe('closed');
    const progress = events.filter((event) => event.type === 'step-progress');
    expect(progress.length).toBeGreaterThan(0);
    expect(progress[0]).toMatchObject({
      step: { id: 'slow', status: 'running' },
      progress: { fraction: expect.any(Number), message: expect.stringContaining('beat') },
    });
    expect(events.at(-1)?.view.steps.map((step) => step.status)).toEqual(['completed', 'completed']);
    expect(await run.result()).toEqual({ outcome: 'completed', output: { beats: 25 } });
  });

  test('of a finished run tell all of it', async () => {
    const run = await evertrain.start(train, { rows: 3 });
    await run.result();
    const events = await collect(run.events());
    const types = events.map((event) => event.type);
    expect(types.slice(0, 3)).toEqual(['step-queued', 'step-started', 'step-completed']);
    expect(types.slice(3, 9).sort()).toEqual(
      types
        .slice(0, 3)
        .flatMap((type) => [type, type])
        .sort(),
    );
    expect(types.slice(9)).toEqual(['gate', 'closed']);
  });

  test('end quietly when they are aborted or no longer wanted', async () => {
    const run = await evertrain.start(shipping, {});
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of run.events({ signal: stop.signal })) {
      seen.push(event.type);
      if (event.type === 'approval') setTimeout(() => stop.abort(), 50);
    }
    expect(seen).toEqual(['approval']);
    for await (const event of run.events()) if (event.type === 'approval') break;
    await run.terminate('enough');
  });
});

describe('lists', () => {
  test('find runs by pipeline, status and outcome', async () => {
    await evertrain.execute(gated, { value: -1 }, { id: 'gated/rejected' });
    const rejected = () => evertrain.list({ pipeline: 'gated', outcome: 'rejected', limit: 10 });
    await expect
      .poll(rejected, { timeout: 20_000 })
      .toContainEqual(
        expect.objectContaining({ workflowId: 'gated/rejected', status: 'completed', outcome: 'rejected' }),
      );
    expect(await evertrain.list({ pipeline: "it's", status: 'running' })).toEqual([]);
    expect(await evertrain.list({ limit: 1 })).toHaveLength(1);
    await expect(evertrain.list({ status: 'open' as never })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });
});

describe('a model', () => {
  test('is unknown before its first training, then trains, remembers and promotes', async () => {
    const model = evertrain.model(classifier);
    await expect(model.state()).rejects.toMatchObject({ code: 'USER_MODEL_UNKNOWN' });
    await expect(model.promote('1')).rejects.toMatchObject({ code: 'USER_MODEL_UNKNOWN' });
    await expect(model.train({ rows: 'x' as never })).rejects.toMatchObject({ code: 'USER_INPUT_INVALID' });
    const run = await model.train({ rows: 3 }, { trigger: 'first', seed: 2 });
    expect(await run.result()).toMatchObject({ outcome: 'completed' });
    await expect
      .poll(() => model.state(), { timeout: 20_000 })
      .toMatchObject({
        versions: [{ version: '1', stage: 'candidate' }],
        trainings: [{ trigger: 'first', outcome: 'completed', version: '1' }],
      });
    expect((await model.train({ rows: 3 }, { trigger: 'first' })).workflowId).toBe(run.workflowId);
    expect((await model.run('first')).workflowId).toBe(run.workflowId);
    await expect(model.run('second')).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
    await expect(model.promote('7')).rejects.toMatchObject({ code: 'USER_VERSION_UNKNOWN' });
    expect(await model.promote('1', { actor: 'ann' })).toMatchObject({ champion: '1', revision: 1 });
    expect(await evertrain.model('classifier').state()).toMatchObject({ champion: '1' });
  });
});

async function collect(events: AsyncIterable<RunEvent>): Promise<RunEvent[]> {
  const found: RunEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}
