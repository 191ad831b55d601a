import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensurePython, searchRequirements } from '../../worker/setup/python.mjs';
import { deriveSeed } from '../../workflows/sdk/digest.js';
import { heightOf } from '../fixtures/durability/activities.js';
import { type SgdParams, trainedTo } from '../fixtures/durability/iris-sgd.js';
import { flowerStudy, largeStudy, studyOfRuns } from '../fixtures/durability/studies.js';
import { directOptuna } from '../support/direct-optuna.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runPlain } from '../support/run-plain.js';
import { studyRound } from '../support/study-round.js';

/** `npm run soak -- --scenario search --seed S` does the same with 60 trials, ten kills of the worker and two of the engine. */
describe('a study of iterative trainings', () => {
  let fixture: DurableProject;
  beforeAll(async () => {
    // A study's history is full early.
    fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=1500']);
  });
  afterAll(() => fixture?.close());

  it('by ASHA, its worker and engine killed: no finished epoch is trained again, decisions follow from the order of ends', async () => {
    const round = await studyRound(fixture, {
      under: 'asha',
      trials: 24,
      atMost: 4,
      scheduler: 'asha',
      workerKills: 2,
      engineKills: 1,
      seed: 11,
    });
    expect(round.failures).toEqual([]);
    expect(round.repeated).toBe(0);
    expect(round.promotions).toBeGreaterThanOrEqual(9);
  }, 180_000);

  it.each([
    ['one at a time, by ASHA', 'one', 1, 'asha'],
    ['by synchronous halving', 'halving', 4, 'halving'],
  ] as const)('%s: the same trials and winner as undisturbed', async (_, under, atMost, scheduler) => {
    const options = { under, trials: 9, atMost, scheduler, seed: 5 };
    const round = await studyRound(fixture, { ...options, workerKills: 1, engineKills: 0 });
    expect(round.failures).toEqual([]);
    const plain = await runPlain(
      flowerStudy,
      { effects: '', ...options },
      {
        steps: {
          'fit-flowers': ({ params, budget }: { params: SgdParams; budget: number }, { id }: { id: string }) => {
            const seed = deriveSeed(options.seed, id.replace(/@\d+/, ''));
            const { curve } = trainedTo(budget, params, seed);
            return { loss: curve.at(-1), curve, seed };
          },
        },
      },
    );
    if (plain.outcome !== 'completed') throw new Error(JSON.stringify(plain));
    expect({ ...round.study, artifact: undefined }).toEqual({ ...plain.output, artifact: undefined });
  });

  it('by the median rule stops steps at work that fall behind, on what they had reported', async () => {
    const { effects, evertrain } = fixture;
    effects.slowDown(() => 40);
    const worker = await fixture.worker();
    const input = {
      effects: effects.url,
      under: 'median',
      trials: 10,
      atMost: 4,
      scheduler: 'median',
      budget: 25,
    } as const;
    const result = await evertrain.execute(flowerStudy, input, { provenance: false, seed: 3 });
    effects.slowDown(() => 0);
    await worker.stop();
    if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
    const { best, trials } = result.output;
    const stopped = trials.filter(({ state }) => state === 'stopped');
    expect(stopped.length).toBeGreaterThanOrEqual(2);
    for (const { trial, params, value, budget = 0 } of stopped) {
      const seed = deriveSeed(3, `search[${trial}]/fit-flowers`);
      expect(budget).toBeLessThan(25);
      expect(value).toBe(trainedTo(budget, params, seed).curve.at(-1));
      expect(value).toBeGreaterThan(best.value);
    }
    expect(trials.filter(({ state }) => state === 'completed')).toHaveLength(10 - stopped.length);
  }, 60_000);

  it('whose trials are runs goes on from the checkpoints in the runs before', async () => {
    const { effects, evertrain } = fixture;
    const worker = await fixture.worker();
    const input = { effects: effects.url, under: 'runs', trials: 9 };
    const result = await evertrain.execute(studyOfRuns, input, { provenance: false });
    await worker.stop();
    if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
    const { best } = result.output;
    expect(best).toMatchObject({ budget: 9, output: { curve: { length: 9 } } });
    expect(best.output.curve).toEqual(trainedTo(9, best.params, best.output.seed).curve);
    const counts = Object.entries(effects.counts()).filter(([key]) => key.startsWith('runs/'));
    // 9 trials of one epoch, 3 of three, one of nine.
    expect(counts).toHaveLength(9 + 2 * 3 + 6);
    expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
  }, 60_000);

  it('by TPE, its worker killed: suggestions are those of Optuna itself', async () => {
    const trials = 14;
    const worker = await fixture.worker();
    const input = {
      effects: fixture.effects.url,
      under: 'tpe',
      trials,
      atMost: 1,
      scheduler: 'none',
      sampler: 'tpe',
    } as const;
    const begins = fixture.effects.begins();
    const run = await fixture.evertrain.start(flowerStudy, { ...input, budget: 2 }, { provenance: false });
    await vi.waitUntil(() => fixture.effects.begins() >= begins + 15, { timeout: 60_000 });
    await worker.kill();
    await fixture.worker();
    const result = await run.result();
    if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
    const ended = [...result.output.trials].sort((a, b) => a.trial - b.trial);
    const values = ended.map(({ value }) => value as number);
    const { python } = await ensurePython({ requirements: searchRequirements });
    const direct = {
      sampler: 'tpe-startup-4',
      function: 'flowers',
      directions: ['minimize'],
      seed: 0,
      trials,
      values,
    } as const;
    const [expected] = directOptuna(python, [direct]);
    expect(ended.map(({ params }) => params)).toEqual(expected?.map(({ params }) => params));
  }, 180_000);

  it('of many trials is a run that continues as new, with the same decisions as one that does not', async () => {
    const worker = await fixture.worker();
    const run = await fixture.evertrain.start(largeStudy, { trials: 501 }, { provenance: false });
    const study = `${run.workflowId}/search`;
    const runs = async () => {
      const found = [];
      for await (const { runId } of fixture.evertrain.client.workflow.list({ query: `WorkflowId = '${study}'` }))
        found.push(runId);
      return found.length;
    };
    await vi.waitUntil(async () => (await runs()) >= 2, { timeout: 60_000, interval: 200 });
    await worker.kill();
    await fixture.worker();
    const result = await run.result();
    const plain = await runPlain(
      largeStudy,
      { trials: 501 },
      {
        steps: {
          'measure-point': (input: { params: { x: number; y: number }; budget: number }) => ({
            height: heightOf(input.params, input.budget),
          }),
        },
      },
    );
    if (result.outcome !== 'completed' || plain.outcome !== 'completed') throw new Error(JSON.stringify(result));
    expect({ ...result.output, artifact: undefined }).toEqual({ ...plain.output, artifact: undefined });
    expect(await runs()).toBeGreaterThanOrEqual(3);
  }, 180_000);
});
