import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import { type rivalling, staged } from '../fixtures/durability/rival.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type HeldModelServer, heldModelServer } from '../support/held-model-server.js';
import { type ServedLoad, servedLoad } from '../support/served-load.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { untilModel } from '../support/until-model.js';

let fixture: DurableProject;
let server: HeldModelServer;
let model: Model<typeof rivalling>;
let worker: SpawnedWorker;
let load: ServedLoad | undefined;

const startWorker = () => fixture.worker({ modelServer: server.address });
const startLoad = () => {
  load = servedLoad(() => server.behind, { model: 'staged' });
  return load;
};

beforeAll(async () => {
  fixture = await durableProject('durability');
  server = await heldModelServer(fixture.engine.dataDir, { isInOwnProcess: true });
  model = fixture.evertrain.model(staged);
  worker = await startWorker();
});
afterEach(async () => {
  await load?.stop();
  load = undefined;
});
afterAll(async () => {
  await server?.close();
  await fixture?.close();
});

/** A batch that leads to a version which is offline ever better, and serves one of the models of test/fixtures/rollout. */
let wrong = 190;
const arrives = (id: string, onnx: string) => {
  wrong -= 9;
  const attributes = { effects: fixture.effects.url, wrong, onnx };
  return model.dataArrived({ id, uri: `file:/${id}`, rows: 5, attributes });
};
const state = () => model.state({ within: '30s' });
const until = (holds: (now: ModelState) => boolean) => untilModel(model, holds);
const newest = (now: ModelState) => now.versions.at(-1);
const isSettled = (now: ModelState) =>
  [now.training, now.comparison, now.rollout, now.restoring, now.promoting].every((open) => open === undefined) &&
  now.data?.waiting.length === 0;
/** What has become of the version that the next batch leads to. */
async function settled(number: string) {
  return newest(await until((now) => newest(now)?.version === number && isSettled(now)));
}
const inRollout = (number: string) => until((now) => now.rollout?.version === number);
const stagesTaken = (revision: number) =>
  server.asked.filter((one) => one.isTaken && one.revision === revision).map(({ stage, percent }) => [stage, percent]);

/** One champion, which has all requests, and answers as it should. */
async function expectServedAlone(number: string): Promise<void> {
  const { champion, versions } = await state();
  expect(champion).toBe(number);
  expect(versions.filter(({ stage }) => stage === 'champion').map((one) => one.version)).toEqual([number]);
  const { models } = (await (await fetch(`${server.behind}/evertrain/models`)).json()) as { models: object[] };
  expect(models).toMatchObject([{ name: 'staged', version: number }]);
  expect(models[0]).not.toHaveProperty('challenger');
}

/** Its bytes, when they were loaded, and what it answers. */
async function champion(): Promise<object> {
  const { models } = (await (await fetch(`${server.behind}/evertrain/models`)).json()) as {
    models: { sha256: string; loadedAt: string }[];
  };
  const inputs = [{ name: 'x', shape: [3, 1], datatype: 'FP32', data: [1, 2.5, -7] }];
  const asked = { method: 'POST', body: JSON.stringify({ id: 'same', inputs }) };
  const answer = await fetch(`${server.behind}/v2/models/staged/versions/2/infer`, asked);
  return { sha256: models[0]?.sha256, loadedAt: models[0]?.loadedAt, answer: await answer.text() };
}

describe('a rollout', () => {
  it('is not made of a first version, which has nobody to take over from', async () => {
    await arrives('first', 'right');
    expect(await settled('1')).toMatchObject({ stage: 'champion', reason: 'first version' });
    await expectServedAlone('1');
  }, 60_000);

  it('takes a better version from the shadow to all requests, of which none fails, and promotes it', async () => {
    const asking = startLoad();
    await arrives('better', 'right-too');
    expect(await settled('2')).toMatchObject({
      stage: 'champion',
      reason: expect.stringMatching(/^rolled out: 100 % in the shadow, 10 %, 50 %, 100 % \(better: /) as string,
    });
    await expectServedAlone('2');
    expect(stagesTaken(2)).toEqual([
      [1, 100],
      [2, 10],
      [3, 50],
      [4, 100],
    ]);
    await load?.stop();
    const { failed, byVersion } = asking.told;
    expect(failed).toEqual([]);
    expect(Object.keys(byVersion)).toEqual(['1', '2']);
  }, 60_000);

  it.each([
    ['throws', '3', 'rejected', /^taken back in stage 100 % in the shadow: /],
    ['nan', '4', 'rejected', /^taken back in stage 100 % in the shadow: /],
    ['short', '5', 'rejected', /^taken back in stage 100 % in the shadow: /],
    ['slow', '6', 'rejected', /^taken back in stage 100 % in the shadow: .*p95Ms \(60\)/],
    ['renamed', '7', 'rejected', /^not rolled out: .* cannot stand in for version 2: it has no output y$/],
  ])(
    'of a challenger that %s is taken back, with the reason; nobody notices',
    async (onnx, number, stage, reason) => {
      const asking = startLoad();
      const before = await champion();
      await arrives(`a model that ${onnx}`, onnx);
      expect(await settled(number)).toMatchObject({ stage, reason: expect.stringMatching(reason) as string });
      await expectServedAlone('2');
      expect(await champion()).toEqual(before);
      await load?.stop();
      expect([asking.told.failed, Object.keys(asking.told.byVersion)]).toEqual([[], ['2']]);
    },
    60_000,
  );
});

describe('a rollout that was held to its end', () => {
  it('leaves the champion alone where the model server refuses the promotion', async () => {
    startLoad();
    server.refuse('8');
    await arrives('refused at last', 'right');
    expect(await settled('8')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^not deployed: .*refused on purpose/) as string,
    });
    server.refuse(undefined);
    await expectServedAlone('2');
  }, 60_000);
});

describe('a rollout that is interrupted', () => {
  /** A version that is as good as the champion, in its rollout's stage of 10 %. */
  const rollingOut = async (number: string, onnx: string) => {
    await arrives(`interrupted ${number}`, onnx);
    const { rollout, revision } = await inRollout(number);
    await expect.poll(() => stagesTaken(revision).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    return rollout as NonNullable<ModelState['rollout']>;
  };

  it.each([
    ['before the server has the weights', '9', 'right', 'before'],
    ['when the server has the weights, and nobody knows', '10', 'right-too', 'after'],
  ] as const)(
    'by the death of its worker %s goes on, and no request fails',
    async (_, number, onnx, moment) => {
      const asking = startLoad();
      await arrives(`killed ${moment}`, onnx);
      const { revision } = await inRollout(number);
      await expect.poll(() => stagesTaken(revision).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
      await server.hold(moment);
      await worker.kill();
      server.release();
      worker = await startWorker();
      expect(await settled(number)).toMatchObject({ stage: 'champion' });
      await expectServedAlone(number);
      expect(stagesTaken(revision).map(([stage]) => stage)).toEqual(
        stagesTaken(revision)
          .map(([stage]) => stage)
          .toSorted((a, b) => Number(a) - Number(b)),
      );
      await load?.stop();
      expect(asking.told.failed).toEqual([]);
    },
    90_000,
  );

  it('by a person is taken back at once, and the champion serves alone', async () => {
    const asking = startLoad();
    await rollingOut('11', 'right');
    await model.rollback({ actor: 'ann', reason: 'not today' });
    expect(await settled('11')).toMatchObject({ stage: 'rejected', reason: 'taken back by ann: not today' });
    await expectServedAlone('10');
    await load?.stop();
    expect(asking.told.failed).toEqual([]);
  }, 60_000);

  it('by a promotion at once ends with that', async () => {
    startLoad();
    await rollingOut('12', 'right');
    await expect(model.promote('11')).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
      message: expect.stringContaining('is rolling version 12 out already') as string,
    });
    await model.promote('12', { now: true, actor: 'ann' });
    expect(await settled('12')).toMatchObject({ stage: 'champion', reason: 'promoted by ann' });
    await expectServedAlone('12');
    const other = await model.promote('11', { now: true });
    expect(other.champion).toBe('11');
    await expectServedAlone('11');
  }, 60_000);

  it('by a cancelled run leaves the champion, and a candidate', async () => {
    startLoad();
    const { workflowId } = await rollingOut('13', 'right');
    await fixture.evertrain.attach(workflowId).cancel();
    expect(await settled('13')).toMatchObject({
      stage: 'candidate',
      reason: expect.stringMatching(/^not rolled out: /),
    });
    await expectServedAlone('11');
  }, 60_000);

  it('by the model continuing as new, and by the death of the engine, goes on', async () => {
    const asking = startLoad();
    await rollingOut('14', 'right-too');
    const handle = fixture.evertrain.client.workflow.getHandle(modelWorkflowId('staged'));
    const { runId } = await handle.describe();
    await handle.signal(modelMessages.deployed, { code: 'another' });
    await expect.poll(async () => (await handle.describe()).runId, { timeout: 30_000 }).not.toBe(runId);
    await fixture.engine.kill();
    await fixture.engine.restart();
    expect(await settled('14')).toMatchObject({ stage: 'champion' });
    await expectServedAlone('14');
    await load?.stop();
    expect(asking.told.failed).toEqual([]);
  }, 120_000);
});

describe('a rollout whose model server dies', () => {
  it.each([
    ['before it has the weights', '15', 'before'],
    ['when it has the weights, and nobody knows', '16', 'after'],
  ] as const)(
    '%s goes on; only requests in flight fail',
    async (_, number, moment) => {
      const asking = startLoad();
      await arrives(`server killed ${moment}`, number === '15' ? 'right' : 'right-too');
      const { revision } = await inRollout(number);
      await expect.poll(() => stagesTaken(revision).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
      await server.hold(moment);
      const restarted = server.killAndRestart();
      server.release();
      await restarted;
      expect(await settled(number)).toMatchObject({ stage: 'champion' });
      await expectServedAlone(number);
      await load?.stop();
      // Nobody listened, or the connection broke: no answer of the server's was a refusal.
      expect(asking.told.failed.filter((failure) => !failure.startsWith('fetch failed'))).toEqual([]);
    },
    90_000,
  );
});

describe('labels that come back', () => {
  const startLabelledLoad = () => {
    load = servedLoad(() => server.behind, { model: 'staged', isLabelled: true });
    return load;
  };

  it('take back a version that is better on paper only', async () => {
    const asking = startLabelledLoad();
    await arrives('better on paper', 'wrong');
    expect(await settled('17')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^taken back in stage .*mae/) as string,
    });
    await expectServedAlone('16');
    await load?.stop();
    expect(asking.told.failed).toEqual([]);
  }, 60_000);

  it('decide a bandit, which shifts requests to the better version, through the death of its worker', async () => {
    await model.configure({ rollout: { stages: [{ bandit: 'mae', within: '2 minutes' }], lookEvery: '200ms' } });
    const asking = startLabelledLoad();
    await arrives('a bandit against it', 'wrong');
    expect(await settled('18')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^taken back in stage bandit on mae: the labels say /) as string,
    });
    await model.promote('18', { now: true });
    await arrives('a bandit for it', 'right');
    await inRollout('19');
    await worker.kill();
    worker = await startWorker();
    expect(await settled('19')).toMatchObject({
      stage: 'champion',
      reason: expect.stringMatching(/^rolled out: bandit on mae /) as string,
    });
    await expectServedAlone('19');
    await load?.stop();
    expect(asking.told.failed).toEqual([]);
  }, 120_000);
});
