import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fetchHistory } from '../../client/history/fetch.js';
import type { RunView } from '../../client/history/run-view.js';
import type { Run } from '../../client/run.js';
import { loadBundle } from '../../worker/bundle.js';
import { installRuntime } from '../../worker/log.js';
import { shapes } from '../fixtures/durability/shapes.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { replayHistories } from '../support/histories.js';
import { runPlain } from '../support/run-plain.js';

/**
 * Every shape of a pipeline in every context: the result is the same, each effect happens once, the view tells what
 * happened, the history replays. A context runs all shapes side by side, each held in its middle, and breaks there.
 */
const contexts: Readonly<Record<string, (fixture: DurableProject, middle: () => Promise<void>) => Promise<void>>> = {
  'on one worker': async (fixture, middle) => {
    await fixture.worker();
    await middle();
  },
  'on a worker that keeps no run in memory': async (fixture, middle) => {
    await fixture.worker({ cachedRuns: 0 });
    await middle();
  },
  'on a worker that is killed in the middle': async (fixture, middle) => {
    const first = await fixture.worker();
    await middle();
    await first.kill();
    await fixture.worker();
  },
  'on an engine that is killed in the middle': async (fixture, middle) => {
    await fixture.worker();
    await middle();
    await fixture.engine.kill();
    await fixture.engine.restart();
  },
  'on a machine that dies in the middle': async (fixture, middle) => {
    const worker = await fixture.worker();
    await middle();
    await Promise.all([fixture.engine.kill(), worker.kill()]);
    await fixture.engine.restart();
    await fixture.worker({ cachedRuns: 0 });
  },
};
const shapeNames = Object.keys(shapes);
const shapeOf = (name: string) => shapes[name] as (typeof shapes)[string];

describe.each(Object.keys(contexts))('%s', (context) => {
  let fixture: DurableProject;
  const runs = new Map<string, { run: Run; under: string; result: unknown; view: RunView }>();
  const ended = (name: string) => {
    const found = runs.get(name);
    if (found === undefined) throw new Error(`${name} has not ended`);
    return found;
  };

  beforeAll(async () => {
    installRuntime('ERROR');
    fixture = await durableProject();
    const { effects, evertrain } = fixture;
    const orders = await Promise.all(
      shapeNames.map(async (name) => {
        effects.hold(`${name}/held`);
        const input = { effects: effects.url, under: name };
        return [name, await evertrain.start(shapeOf(name).pipeline, input, { provenance: false })] as const;
      }),
    );
    await contexts[context]?.(fixture, async () => {
      await Promise.all(shapeNames.map((name) => effects.began(`${name}/held`)));
    });
    for (const name of shapeNames) effects.release(`${name}/held`);
    await Promise.all(
      orders.map(async ([name, run]) => {
        if (name === 'approval') {
          await vi.waitUntil(async () => (await run.view()).approvals.length === 1, { timeout: 30_000 });
          await run.approve('go on?', { approved: true });
        }
        const result = await run.result();
        runs.set(name, { run, under: name, result, view: await run.view() });
      }),
    );
  }, 120_000);
  afterAll(() => fixture?.close());

  describe.each(shapeNames)('%s', (name) => {
    it('ends with the right result', () => {
      expect(ended(name).result).toEqual(shapeOf(name).result);
    });

    it('has each effect once, and no other', () => {
      const { effects, mayBe = [] } = shapeOf(name);
      const counts = fixture.effects.counts();
      const optional = mayBe.map((key) => `${name}/${key}`);
      const mine = Object.keys(counts).filter((key) => key.startsWith(`${name}/`));
      const certain = mine.filter((key) => !optional.includes(key));
      expect(certain.sort()).toEqual(effects.map((key) => `${name}/${key}`).sort());
      for (const key of mine) expect([key, counts[key]]).toEqual([key, 1]);
    });

    it('is told by its view: the outcome, and every step as ended', () => {
      const { view } = ended(name);
      const { effects, mayBe = [], result } = shapeOf(name);
      expect(view.status.kind).toBe((result as { outcome: string }).outcome);
      const own = effects.filter((key) => !key.includes('/'));
      const keyOf = (step: RunView['steps'][number]) => (step.input as { key: string }).key.slice(name.length + 1);
      const completed = view.steps.filter((step) => step.status === 'completed').map(keyOf);
      expect(completed.filter((key) => !mayBe.includes(key)).sort()).toEqual([...own].sort());
      for (const step of view.steps) expect(['completed', 'cancelled']).toContain(step.status);
      expect(view.children.map(({ status }) => status)).toEqual(name === 'child' ? Array(3).fill('completed') : []);
      expect(view.waitingFor).toEqual([]);
    });
  });

  it('leaves histories that replay', async () => {
    const { client } = fixture.evertrain;
    const histories = new Map<string, Awaited<ReturnType<typeof fetchHistory>>>();
    for (const { run } of runs.values()) {
      histories.set(run.workflowId, await fetchHistory(client, run.workflowId, run.runId));
    }
    expect(histories.size).toBe(shapeNames.length);
    await replayHistories(await loadBundle(fixture.bundle), histories);
  });
});

describe('as plain calls', () => {
  it.each(shapeNames)('%s ends with the same result and the same effects', async (name) => {
    const { pipeline, result, effects, mayBe = [] } = shapeOf(name);
    const done: string[] = [];
    const steps = { effect: ({ key }: { key: string }) => (done.push(key), { key }) };
    const input = { effects: 'none', under: name };
    expect(await runPlain(pipeline, input, { steps, answers: { 'go on?': { approved: true } } })).toEqual(result);
    const mine = done.map((key) => key.slice(name.length + 1)).filter((key) => !mayBe.includes(key));
    expect(mine.sort()).toEqual([...effects].sort());
  });
});
