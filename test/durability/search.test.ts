import { Context } from '@temporalio/activity';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeFirst, eventsOf } from '../../client/history/decode.js';
import { fetchHistory } from '../../client/history/fetch.js';
import { loadBundle } from '../../worker/bundle.js';
import { ensurePython, searchRequirements } from '../../worker/setup/python.mjs';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { deriveSeed } from '../../workflows/sdk/digest.js';
import { builtIn, defaultQueue } from '../../workflows/sdk/protocol.js';
import type { Study } from '../../workflows/sdk/search/conduct-study.js';
import { heightOf } from '../fixtures/durability/activities.js';
import { type SgdParams, trainedTo } from '../fixtures/durability/iris-sgd.js';
import { flowerStudy, largeStudy, studiesOfFolds, studyOfRuns } from '../fixtures/durability/studies.js';
import { directOptuna } from '../support/direct-optuna.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runPlain } from '../support/run-plain.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
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

  describe('on a worker that nobody kills', () => {
    let worker: SpawnedWorker;
    beforeAll(async () => {
      worker = await fixture.worker();
    });
    afterAll(() => worker?.stop());

    it('by the median rule stops steps at work that fall behind, on what they had reported', async () => {
      const { effects, evertrain } = fixture;
      effects.slowDown(() => 80);
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
      if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
      expect(stoppedOf(result.output, 'search', 25)).toBeGreaterThanOrEqual(1);
    }, 60_000);

    it('by the median rule in each item of a fan-out compares the trials of that one', async () => {
      const { effects, evertrain } = fixture;
      effects.slowDown(() => 80);
      const input = { effects: effects.url, folds: ['fold-0', 'fold-1'], trials: 8, budget: 25 };
      const result = await evertrain.execute(studiesOfFolds, input, { provenance: false, seed: 3 });
      effects.slowDown(() => 0);
      if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
      const stopped = result.output.map((study, fold) => stoppedOf(study, `folds[${fold}]/search`, 25));
      expect(Math.min(...stopped)).toBeGreaterThanOrEqual(1);
    }, 60_000);

    it('counts a trial’s run that somebody cancels as failed, and goes on', async () => {
      const { effects, evertrain } = fixture;
      effects.hold('cancelled/2/0');
      const input = { effects: effects.url, under: 'cancelled', trials: 9 };
      const run = await evertrain.start(studyOfRuns, input, { provenance: false });
      await effects.began('cancelled/2/0');
      await evertrain.client.workflow.getHandle(`${run.workflowId}/search[2]/flower-trial`).cancel();
      const result = await run.result();
      effects.release('cancelled/2/0');
      if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
      const { state, best, trials } = result.output;
      expect([state, best.budget, trials.length]).toEqual(['completed', 9, 9]);
      expect(trials.filter((one) => one.state === 'failed').map(({ trial }) => trial)).toEqual([2]);
      const [study] = (await run.view()).studies;
      expect(study?.trials[2]).toMatchObject({ state: 'failed', failure: { code: 'USER_RUN_CANCELLED' } });
    }, 60_000);

    it('whose trials are runs goes on from the checkpoints in the runs before', async () => {
      const { effects, evertrain } = fixture;
      const input = { effects: effects.url, under: 'runs', trials: 9 };
      const result = await evertrain.execute(studyOfRuns, input, { provenance: false });
      if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
      const { best } = result.output;
      expect(best).toMatchObject({ budget: 9, output: { curve: { length: 9 } } });
      expect(best.output.curve).toEqual(trainedTo(9, best.params, best.output.seed).curve);
      const counts = Object.entries(effects.counts()).filter(([key]) => key.startsWith('runs/'));
      // 9 trials of one epoch, 3 of three, one of nine.
      expect(counts).toHaveLength(9 + 2 * 3 + 6);
      expect(counts.filter(([, count]) => count !== 1)).toEqual([]);
    }, 60_000);
  });

  it('ends open trials when its time is over, with the best so far', async () => {
    const { effects, evertrain } = fixture;
    const worker = await fixture.worker();
    const open = ['1/1', '2/0'].map((epoch) => `deadline/${epoch}`);
    for (const key of open) effects.hold(key);
    const input = {
      effects: effects.url,
      under: 'deadline',
      trials: 9,
      atMost: 2,
      scheduler: 'none',
      budget: 2,
    } as const;
    const run = await evertrain.start(flowerStudy, { ...input, time: '8s' }, { provenance: false });
    await Promise.all(open.map((key) => effects.began(key)));
    const result = await run.result();
    if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
    expect(result.output).toMatchObject({ state: 'stopped', reason: 'its time is over', best: { trial: 0 } });
    const states = result.output.trials.map(({ trial, state }) => [trial, state]);
    expect(states).toEqual([
      [0, 'completed'],
      [1, 'stopped'],
      [2, 'stopped'],
    ]);
    const ends = async () => (await run.view()).steps.map(({ attempts }) => attempts?.at(-1)?.outcome);
    await expect.poll(ends, { timeout: 10_000 }).toEqual(['completed', 'cancelled', 'cancelled']);
    for (const key of open) effects.release(key);
    await worker.stop();
    expect(open.map((key) => effects.count(key))).toEqual([0, 0]);
  }, 60_000);

  it('does not wait for a suggestion at work when its time is over', async () => {
    const { effects, evertrain, engine, bundle } = fixture;
    Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
    const connection = await NativeConnection.connect({ address: engine.address });
    let isCancelled = false;
    const worker = await Worker.create({
      connection,
      namespace: engine.namespace,
      taskQueue: defaultQueue,
      workflowBundle: { code: (await loadBundle(bundle)).code },
      activities: {
        async [builtIn.suggest]() {
          const { heartbeat, cancelled } = Context.current();
          const beat = setInterval(heartbeat, 50);
          await cancelled.catch(() => undefined);
          isCancelled = true;
          clearInterval(beat);
        },
        [builtIn.study]: async () => ({ uri: 'file:none', sha256: '', sizeBytes: 0, mediaType: '' }),
        [builtIn.notify]: async () => undefined,
      },
      maxHeartbeatThrottleInterval: 50,
    });
    const input = {
      effects: effects.url,
      under: 'asking',
      trials: 3,
      atMost: 2,
      scheduler: 'none',
      budget: 2,
    } as const;
    await worker.runUntil(async () => {
      const studies = { ...input, sampler: 'tpe', time: '1s' } as const;
      const result = evertrain.execute(flowerStudy, studies, { provenance: false });
      await expect(result).rejects.toThrow('its time is over, and no trial gave a value');
      await vi.waitUntil(() => isCancelled);
    });
    await connection.close();
  }, 30_000);

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

  it('of many trials is a run that continues as new, hands on more than a payload holds, and decides as one that does not', async () => {
    const worker = await fixture.worker();
    const input = { trials: 501, paddingBytes: 4_500 };
    const run = await fixture.evertrain.start(largeStudy, input, { provenance: false });
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
    const measure = (one: { params: { x: number; y: number }; budget: number }) => ({
      height: heightOf(one.params, one.budget),
    });
    const plain = await runPlain(largeStudy, input, { steps: { 'measure-point': measure } });
    if (result.outcome !== 'completed' || plain.outcome !== 'completed') throw new Error(JSON.stringify(result));
    expect({ ...result.output, artifact: undefined }).toEqual({ ...plain.output, artifact: undefined });
    expect(await runs()).toBeGreaterThanOrEqual(3);
    const [began] = eventsOf(await fetchHistory(fixture.evertrain.client, study));
    const last = decodeFirst(began?.workflowExecutionStartedEventAttributes?.input) as { state: Artifact[] };
    expect(last.state.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBeGreaterThan(2_000_000);
    const [view] = (await fixture.evertrain.attach(study).view()).studies;
    expect([view?.planned, view?.best]).toEqual([501, result.output.best.trial]);
  }, 180_000);
});

/** How many were stopped: each on what it had reported, and behind the best. */
function stoppedOf({ best, trials }: Pick<Study<SgdParams>, 'best' | 'trials'>, study: string, budget: number): number {
  const stopped = trials.filter(({ state }) => state === 'stopped');
  for (const one of stopped) {
    const seed = deriveSeed(3, `${study}[${one.trial}]/fit-flowers`);
    expect(one.budget).toBeLessThan(budget);
    expect(one.value).toBe(trainedTo(one.budget as number, one.params, seed).curve.at(-1));
    expect(one.value).toBeGreaterThan(best.value);
  }
  expect(trials.filter(({ state }) => state === 'completed')).toHaveLength(trials.length - stopped.length);
  return stopped.length;
}
