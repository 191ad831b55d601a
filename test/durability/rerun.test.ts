import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RerunOptions } from '../../client/evertrain.js';
import type { Run } from '../../client/run.js';
import { cached, chain } from '../fixtures/durability/contracts.js';
import { asking, diamond, linear, parent, rejected, wide } from '../fixtures/durability/shapes.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
  await fixture.worker();
});
afterAll(() => fixture?.close());

type Shape = typeof linear | typeof parent | typeof asking;

async function ended(pipeline: Shape, under: string): Promise<Run> {
  const { evertrain, effects } = fixture;
  const run: Run = await evertrain.start(pipeline, { effects: effects.url, under }, { provenance: false });
  if (pipeline === asking) await answer(run);
  await run.result();
  return run;
}

async function answer(run: Run): Promise<void> {
  await vi.waitUntil(async () => (await run.view()).waitingFor.length > 0, { timeout: 20_000 });
  await run.approve('go on?', { approved: true });
}

async function again(run: Run, options: Omit<RerunOptions, 'provenance'>) {
  return fixture.evertrain.rerun(run, { ...options, provenance: false });
}

/** The effects below `under`, by name. */
function counts(under: string): Record<string, number> {
  const mine = Object.entries(fixture.effects.counts()).filter(([key]) => key.startsWith(`${under}/`));
  return Object.fromEntries(mine.map(([key, count]) => [key.slice(under.length + 1), count]));
}

describe('a run that is repeated from a step on', () => {
  it('hands over what came before the step in a row, and is linked to the old one', async () => {
    const first = await ended(linear, 'row');
    const second = await again(first, { from: 'effect#2' });
    expect(await second.result()).toEqual(await first.result());
    expect(counts('row')).toEqual({ a: 1, held: 2, c: 2 });
    const view = await second.view();
    expect(view.rerunOf).toEqual({ workflowId: first.workflowId, runId: first.runId, from: 'effect#2' });
    expect(view.steps.map(({ id, status }) => [id, status])).toEqual([
      ['effect', 'reused'],
      ['effect#2', 'completed'],
      ['effect#3', 'completed'],
    ]);
    expect(second.again).toEqual(['effect#2', 'effect#3']);
  });

  it('hands over the other side of a diamond', async () => {
    const first = await ended(diamond, 'diamond');
    await (await again(first, { from: 'effect#2' })).result();
    expect(counts('diamond')).toEqual({ a: 1, left: 2, held: 1, d: 2 });
  });

  it('hands over items of a fan-out', async () => {
    const first = await ended(wide, 'wide');
    const last = 'effect[5]/effect';
    const second = await again(first, { from: last });
    expect(await second.result()).toEqual(await first.result());
    expect(second.again).toEqual([last]);
    expect(counts('wide')).toEqual({ 0: 1, held: 1, 2: 1, 3: 1, 4: 1, 5: 2 });
  });

  it('hands over child runs, and runs a child again that is named', async () => {
    const first = await ended(parent, 'family');
    await (await again(first, { from: 'effect' })).result();
    const once = { a: 1, held: 1, c: 1 };
    expect(counts('family')).toMatchObject({ held: 2 });
    expect([counts('family/one'), counts('family/p'), counts('family/q')]).toEqual([once, once, once]);
    const last = 'shape.linear#2[1]/shape.linear';
    const second = await again(first, { from: last });
    expect(second.again).toEqual(expect.arrayContaining([last, 'effect']));
    await second.result();
    expect(counts('family/one')).toEqual(once);
    expect(counts('family/q')).toEqual({ a: 2, held: 2, c: 2 });
  });

  it('asks people again, unless their answers are kept on purpose', async () => {
    const first = await ended(asking, 'asked');
    const second = await again(first, { from: 'effect#2' });
    await answer(second);
    await second.result();
    expect(counts('asked')).toEqual({ held: 1, approved: 2 });
    const third = await again(first, { from: 'effect#2', keepApprovals: true });
    expect(await third.result()).toEqual(await first.result());
    expect(counts('asked')).toEqual({ held: 1, approved: 3 });
    expect((await third.view()).approvals).toMatchObject([{ id: 'go on?', state: 'kept', answer: { approved: true } }]);
  });

  it('decides at gates anew', async () => {
    const first = await ended(rejected, 'gate');
    const second = await again(first, { from: 'effect' });
    expect(await second.result()).toMatchObject({ outcome: 'rejected', gate: 'never' });
    expect(counts('gate')).toMatchObject({ held: 2 });
  });

  it('can be repeated itself', async () => {
    const first = await ended(linear, 'twice');
    const second = await again(first, { from: 'effect#2' });
    await second.result();
    const third = await again(second, { from: 'effect#3' });
    expect(await third.result()).toEqual(await first.result());
    expect(counts('twice')).toEqual({ a: 1, held: 2, c: 3 });
  });

  it('runs the step although the cache has its output', async () => {
    const { evertrain, effects } = fixture;
    const input = { effects: effects.url, keys: ['cached/a', 'cached/b'] };
    const first = await evertrain.start(cached, input, { provenance: false });
    await first.result();
    await (await again(first, { from: 'effect.cached#2' })).result();
    expect(counts('cached')).toEqual({ a: 1, b: 2 });
  });

  it('runs a step that is called with another input than the recorded one', async () => {
    const { evertrain, effects } = fixture;
    const input = { effects: effects.url, keys: ['edited/a', 'edited/b'] };
    const of = { workflowId: 'as before', runId: 'the code was edited' };
    const recorded = { effect: { inputDigest: 'of another input', output: { key: 'stale' } } };
    const rerun = { of, from: 'effect#2', recorded };
    const run = await evertrain.start(chain, input, { provenance: false, rerun });
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['edited/a', 'edited/b'] });
    expect(counts('edited')).toEqual({ a: 1, b: 1 });
  });

  it('refuses an unknown step, an open run and one that does not exist', async () => {
    const { evertrain, effects } = fixture;
    const known = await ended(linear, 'known');
    const unknown = again(known, { from: 'efect#2' });
    await expect(unknown).rejects.toMatchObject({ code: 'USER_STEP_UNKNOWN', remedy: 'Did you mean "effect#2"?' });
    effects.hold('open/a');
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['open/a'] }, { provenance: false });
    await effects.began('open/a');
    await expect(again(run, { from: 'effect' })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    effects.release('open/a');
    await run.result();
    const nowhere = evertrain.rerun('nowhere', { from: 'effect', provenance: false });
    await expect(nowhere).rejects.toMatchObject({ code: 'USER_RUN_UNKNOWN' });
  });
});
