import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import { rival, type rivalling } from '../fixtures/durability/rival.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type HeldModelServer, heldModelServer } from '../support/held-model-server.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { untilModel } from '../support/until-model.js';

let fixture: DurableProject;
let server: HeldModelServer;
let model: Model<typeof rivalling>;
let worker: SpawnedWorker;

beforeAll(async () => {
  fixture = await durableProject('durability');
  server = await heldModelServer(fixture.engine.dataDir);
  model = fixture.evertrain.model(rival);
  worker = await startWorker();
});
afterAll(async () => {
  await server?.close();
  await fixture?.close();
});

const startWorker = () => fixture.worker({ modelServer: server.address });
async function killWorker(): Promise<void> {
  await worker.kill();
  worker = await startWorker();
}

interface Skill {
  readonly wrong?: number;
  readonly at?: number;
  readonly broken?: boolean;
  readonly problem?: string;
}
const arrives = (id: string, skill: Skill) =>
  model.dataArrived({ id, uri: `file:/${id}`, rows: 5, attributes: { effects: fixture.effects.url, ...skill } });

const state = () => model.state({ within: '30s' });
/** The state once a condition holds of it. */
const until = (holds: (now: ModelState) => boolean) => untilModel(model, holds);
const version = ({ versions }: ModelState, number: string) => versions.find((one) => one.version === number);
const isIdle = (now: ModelState) =>
  [now.training, now.checking, now.comparison, now.promoting].every((open) => open === undefined) &&
  (now.data?.waiting.length ?? 0) === 0;
/** The newest version, decided on. */
async function decided(number: string) {
  const now = await until((one) => isIdle(one) && !['challenger', undefined].includes(version(one, number)?.stage));
  return version(now, number);
}
async function expectServed(number: string): Promise<void> {
  const { champion, versions } = await state();
  expect(champion).toBe(number);
  expect(await server.served('rival')).toBe(number);
  expect(versions.filter(({ stage }) => stage === 'champion').map((one) => one.version)).toEqual([number]);
}

describe('a new version', () => {
  it('that is the first is promoted without a comparison', async () => {
    await arrives('first', { wrong: 40 });
    expect(await decided('1')).toMatchObject({ stage: 'champion', reason: 'first version' });
    await expectServed('1');
  }, 60_000);

  it.each<[string, string, Skill, RegExp]>([
    ['worse', '2', { wrong: 60 }, /^not better: accuracy 0.7 against the champion's 0.8 on 200 fresh rows/],
    ['equal', '3', { wrong: 40 }, /^not better: accuracy 0.8 against the champion's 0.8/],
    [
      'better by luck',
      '4',
      { wrong: 38, at: 100 },
      /^not better: accuracy 0.81 against the champion's 0.8.* a gain of at least -0.0/,
    ],
  ])(
    'that is %s is kept out, with the reason',
    async (id, number, skill, reason) => {
      await arrives(id, skill);
      expect(await decided(number)).toMatchObject({
        stage: 'rejected',
        reason: expect.stringMatching(reason) as string,
      });
      await expectServed('1');
      for (const of of [id, 'first']) expect(fixture.effects.count(`evaluate/${of} on ${id}`)).toBe(1);
    },
    60_000,
  );

  it('that is better, but cannot be loaded, is kept out', async () => {
    await arrives('broken', { wrong: 5, broken: true });
    expect(await decided('5')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^not deployed: /) as string,
    });
    await expectServed('1');
  }, 60_000);

  it('that is better is promoted, by the facts of both on the same rows', async () => {
    await arrives('better', { wrong: 10 });
    const found = await decided('6');
    expect(found).toMatchObject({ stage: 'champion', reason: expect.stringMatching(/^better: /) as string });
    expect(found?.comparison).toMatchObject({ metric: 'accuracy', against: '1', challenger: 0.95, champion: 0.8 });
    expect(found?.comparison?.gain).toBeCloseTo(0.15);
    await expectServed('6');
    expect(server.deployed).toEqual(['1', '6']);
  }, 60_000);

  it('that may be worse by a margin is promoted where the policy says so', async () => {
    await model.configure({ promotion: { metric: 'accuracy', margin: 0.06 } }, { actor: 'ann' });
    await arrives('a little worse', { wrong: 14 });
    expect(await decided('7')).toMatchObject({
      stage: 'champion',
      reason: expect.stringMatching(/^not worse: /) as string,
    });
    await model.configure({ promotion: { metric: 'accuracy' } }, { actor: 'ann', reason: 'no margin' });
    const { orders, policy } = await state();
    expect(policy?.promotion).toEqual({ metric: 'accuracy' });
    expect(orders?.map(({ order, actor }) => [order, actor])).toEqual([
      ['configure', 'ann'],
      ['configure', 'ann'],
    ]);
  }, 60_000);
});

describe('a promotion that a person decides on', () => {
  const asks = async (id: string, skill: Skill) => {
    await arrives(id, skill);
    const now = await until((one) => one.comparison !== undefined);
    const run = model.comparisonRun(now.comparison as NonNullable<ModelState['comparison']>);
    await expect.poll(async () => (await run.approvals()).length, { timeout: 30_000 }).toBe(1);
    return run;
  };

  it('shows its evidence, and waits through a kill and a continue-as-new for the answer, which counts once', async () => {
    await model.configure({ promotion: { metric: 'accuracy', approval: { within: '1 day' } } });
    const run = await asks('asking', { wrong: 8 });
    const [asked] = await run.approvals();
    expect(asked?.facts).toMatchObject({
      version: '8',
      metrics: { accuracy: 0.96 },
      comparison: { gain: expect.closeTo(0.03) as number, champion: 0.93 },
      trainedBy: { workflowId: 'rivalling/rival/data-8' },
      data: { batches: 1, newBatches: 1, rows: 5 },
    });
    const before = await fixture.evertrain.client.workflow.getHandle(modelWorkflowId('rival')).describe();
    await fixture.evertrain.client.workflow
      .getHandle(modelWorkflowId('rival'))
      .signal(modelMessages.deployed, { code: 'x' });
    await killWorker();
    await expect
      .poll(
        async () => (await fixture.evertrain.client.workflow.getHandle(modelWorkflowId('rival')).describe()).runId,
        { timeout: 30_000 },
      )
      .not.toBe(before.runId);
    expect((await state()).comparison).toMatchObject({ version: '8', champion: '7' });
    await model.approve({ approved: true, comment: 'go' }, { actor: 'ann' });
    expect(await decided('8')).toMatchObject({
      stage: 'champion',
      reason: expect.stringMatching(/^approved: go \(better/) as string,
    });
    await expect(model.approve({ approved: true })).rejects.toMatchObject({ code: 'USER_APPROVAL_UNKNOWN' });
    await expect(run.approve('promote', { approved: false })).rejects.toMatchObject({
      code: /USER_(RUN_UNKNOWN|APPROVAL_ANSWERED)/,
    });
    await expectServed('8');
  }, 90_000);

  it('is declined with a comment, or by nobody in time', async () => {
    await asks('declined', { wrong: 0 });
    await model.approve({ approved: false, comment: 'not before Monday' }, { actor: 'ben' });
    expect(await decided('9')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^declined: not before Monday/) as string,
    });
    await model.configure({ promotion: { metric: 'accuracy', margin: 0.1, approval: { within: '1s' } } });
    await arrives('late', { wrong: 0 });
    expect(await decided('10')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^declined: nobody answered in time/) as string,
    });
    await expectServed('8');
  }, 60_000);

  it('is compared anew when another version has become the champion meanwhile', async () => {
    await model.configure({ promotion: { metric: 'accuracy', margin: 0.1, approval: {} } });
    await asks('overtaken', { wrong: 1 });
    await model.rollback({ actor: 'ann' });
    await model.approve({ approved: true });
    const now = await until((one) => one.comparison?.champion === '7');
    expect(now.comparison).toMatchObject({ version: '11' });
    await expect
      .poll(() => model.approve({ approved: true }).then(() => 'recorded', String), { timeout: 20_000 })
      .toBe('recorded');
    expect(await decided('11')).toMatchObject({ stage: 'champion', comparison: { against: '7' } });
    expect(version(await state(), '8')).toMatchObject({
      stage: 'rejected',
      reason: expect.stringMatching(/^taken back/) as string,
    });
    await model.configure({ promotion: { metric: 'accuracy', margin: 1 } });
    await expectServed('11');
  }, 60_000);
});

describe('a worker that is killed', () => {
  const key = (of: (id: string) => string) => (id: string) => {
    fixture.effects.hold(of(id));
    return { reached: fixture.effects.began(of(id)), release: () => fixture.effects.release(of(id)) };
  };
  const deployment = (moment: 'before' | 'after') => () => ({
    reached: server.hold(moment),
    release: () => server.release(),
  });
  it.each<[string, string, (id: string) => { reached: Promise<void>; release: () => void }]>([
    ['while it checks the data', '12', key((id) => `check/${id}`)],
    ['while it trains', '13', key((id) => `fit/${id}`)],
    ['while it compares', '14', key((id) => `evaluate/${id} on ${id}`)],
    ['before the model server has the version', '15', deployment('before')],
    ['when the model server has it, and nobody knows', '16', deployment('after')],
  ])(
    '%s: one champion, which is the one that serves, promoted once',
    async (_, number, hold) => {
      const id = `killed-${number}`;
      const { revision } = await state();
      const { reached, release } = hold(id);
      await arrives(id, { wrong: 0 });
      await reached;
      await worker.kill();
      release();
      worker = await startWorker();
      expect(await decided(number)).toMatchObject({ stage: 'champion' });
      await expectServed(number);
      expect((await state()).revision).toBe(revision + 1);
      expect(fixture.effects.count(`fit/${id}`)).toBe(1);
      expect((await state()).data?.counts.used).toBe(Number(number));
    },
    90_000,
  );
});

describe('data that the quality gate finds wanting', () => {
  it('is held back with its problems, and trained on once a person releases it, or never', async () => {
    await arrives('odd', { problem: 'column "age" is missing' });
    await arrives('odder', { problem: 'none of it is right' });
    const now = await until((one) => isIdle(one) && one.data?.quarantined.length === 2);
    expect(now.data?.quarantined.map(({ batch, problems }) => [batch.id, problems])).toEqual([
      ['odd', ['column "age" is missing']],
      ['odder', ['none of it is right']],
    ]);
    expect(fixture.effects.count('fit/odd')).toBe(0);
    await expect(model.releaseBatch('nobody')).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    await model.releaseBatch('odd', { actor: 'ann' });
    await until((one) => isIdle(one) && one.data?.counts.used === 17);
    expect(fixture.effects.count('check/odd')).toBe(1);
    expect(fixture.effects.count('fit/odd')).toBe(1);
    await model.dropBatch('odder', { actor: 'ann', reason: 'a test' });
    await expect(model.dropBatch('odder')).rejects.toThrow(/no batch "odder" in quarantine/);
    const { data } = await state();
    expect(data?.rejected.at(-1)).toMatchObject({ id: 'odder', reason: 'dropped by ann: a test' });
    expect(data?.counts).toMatchObject({ received: 18, used: 17, rejected: 1 });
  }, 60_000);
});

describe('an order that makes no sense', () => {
  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['an unknown version', () => model.promote('99'), /no version "99"/],
    ['a retired version', () => model.promote('1'), /retired/],
    ['the champion', () => model.promote('17'), /champion already/],
    ['a policy without sense', () => model.configure({ retrainWhen: { rows: -1 } }), /retrainWhen\.rows is -1/],
    ['a schedule that is none', () => model.configure({ retrainWhen: { schedule: 'soon' } }), /schedule is "soon"/],
    ['a policy field that there is none of', () => model.configure({ rows: 5 } as never), /no option "rows"/],
    ['quality rules that would not be used', () => model.configure({ window: { batches: 0 } }), /data\.window/],
    ['an actor of a megabyte', () => model.pause({ actor: 'x'.repeat(1_000_000) }), /actor/],
    [
      'a training by the name of one of data’s',
      () => model.train({ effects: fixture.effects.url, id: 'x' }, { trigger: 'data-99', provenance: false }),
      /what data calls its trainings/,
    ],
    ['a retraining on nothing', () => model.retrainNow(), /no data to train on/],
  ])('is refused: %s', async (_, order, message) => {
    const before = await state();
    await expect(order()).rejects.toThrow(message);
    expect((await state()).orders).toEqual(before.orders);
  });
});

describe('a schedule of the policy', () => {
  it('trains on what waits when it is time, also after it was changed, and is gone when it is taken away', async () => {
    const { schedule } = fixture.evertrain.client;
    const kept = async () => {
      const found: string[] = [];
      for await (const one of schedule.list()) found.push(one.scheduleId);
      return found;
    };
    await model.configure({ retrainWhen: { schedule: '0 0 1 1 *' } });
    // While the engine is being told: what is ordered meanwhile stays.
    await model.pause();
    await expect.poll(kept, { timeout: 20_000 }).toEqual(['model/rival/retrain']);
    expect(await until((one) => one.schedule !== undefined)).toHaveProperty('paused');
    await model.resume();
    await arrives('in time', { wrong: 0 });
    await until((one) => one.data?.waiting.length === 1);
    await model.configure({ retrainWhen: { schedule: '*/2 * * * * * *' } });
    await until((one) => isIdle(one) && one.data?.counts.used === 18);
    const { orders } = await state();
    expect(orders?.at(-1)).toMatchObject({ order: 'configure' });
    await model.configure({ retrainWhen: { schedule: '99 99 * * *' } });
    const refused = await until((one) => one.schedule?.failure !== undefined);
    expect(refused.schedule?.failure).toMatch(/Minute is not in range/);
    await model.configure({ retrainWhen: { batches: 1 } });
    await until((one) => one.schedule === undefined);
    await expect.poll(kept, { timeout: 20_000 }).toEqual([]);
  }, 90_000);
});

describe('what trains on older data', () => {
  it('is cancelled for newer data where the policy says so, and its batches are used once', async () => {
    await model.configure({ whileTraining: 'restart', window: { batches: 3 } });
    fixture.effects.hold('fit/old');
    await arrives('old', { wrong: 0 });
    await fixture.effects.began('fit/old');
    await arrives('new', { wrong: 0 });
    const now = await until((one) => isIdle(one) && one.data?.counts.used === 20);
    fixture.effects.release('fit/old');
    expect([fixture.effects.count('fit/old'), fixture.effects.count('fit/new')]).toEqual([0, 1]);
    expect(now.versions.at(-1)?.data).toEqual({ batches: 3, newBatches: 2, rows: 15, through: 20 });
    await model.configure({ whileTraining: 'wait' });
  }, 60_000);
});

describe('two orders at once', () => {
  const both = async (order: () => Promise<unknown>) =>
    (await Promise.allSettled([order(), order()])).map((one) =>
      one.status === 'fulfilled' ? 'done' : String(one.reason),
    );

  it('to roll back are one rollback', async () => {
    const { former = [] } = await state();
    expect((await both(() => model.rollback())).sort()).toEqual([
      expect.stringMatching(/has become the champion of "rival" meanwhile/),
      'done',
    ]);
    await expectServed(former.at(-1) as string);
    expect((await state()).former).toEqual(former.slice(0, -1));
  }, 60_000);

  it('to promote are one promotion, after which there is a champion to go back to', async () => {
    const { data } = await model.configure({ promotion: 'manual' });
    const used = (data?.counts.used ?? 0) + 1;
    await arrives('wanted', { wrong: 0 });
    const { champion, former = [], nextVersion } = await until((one) => isIdle(one) && one.data?.counts.used === used);
    const wanted = String(nextVersion - 1);
    expect((await both(() => model.promote(wanted))).sort()).toEqual([
      expect.stringMatching(/is the champion already/),
      'done',
    ]);
    await expectServed(wanted);
    expect((await state()).former).toEqual([...former, champion]);
    await model.rollback();
    await expectServed(champion as string);
  }, 60_000);
});
