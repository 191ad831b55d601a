import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  assetMessages,
  assetWorkflowId,
  ruleMessages,
  ruleWorkflowId,
  type RuleState,
} from '../../workflows/sdk/assets/messages.js';
import { publish, rules, trained } from '../fixtures/assets/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { webhookReceiver } from '../support/webhook-receiver.js';

const soon = { timeout: 60_000 };
let fixture: DurableProject;
let worker: SpawnedWorker;
let receiver: Awaited<ReturnType<typeof webhookReceiver>>;

beforeAll(async () => {
  // Assets and rules are told early that their histories are long.
  fixture = await durableProject('assets', ['limit.historyCount.suggestContinueAsNew=100']);
  receiver = await webhookReceiver();
  worker = await serve();
  await fixture.evertrain.assets.apply({ rules: Object.values(rules) });
  const names = Object.values(rules).flatMap(({ assets }) => assets.map(({ name }) => name));
  await vi.waitFor(async () => expect((await readers()).sort()).toEqual(names.sort()), {
    timeout: 30_000,
    interval: 100,
  });
});
afterAll(async () => {
  await fixture?.close();
  await receiver?.down();
});

/** Assets that a rule is told of. */
async function readers(): Promise<string[]> {
  const views = await fixture.evertrain.assets.list();
  return views.flatMap(({ name, readers: { length } }) => (length === 0 ? [] : [name]));
}

const serve = () => fixture.worker({ webhook: receiver.url });

interface One {
  readonly asset: string;
  readonly value: string;
  readonly partition?: string;
}

const begin = (...all: One[]) =>
  fixture.evertrain.start(publish, { effects: fixture.effects.url, all }, { provenance: false });
const published = async (...all: One[]) => (await begin(...all)).result();
const state = (rule: string) =>
  fixture.evertrain.client.workflow.getHandle(ruleWorkflowId(rule, undefined)).query<RuleState>(ruleMessages.state);

/** Until a rule has started so many runs, and none is open. */
async function settled(rule: string, starts: number): Promise<RuleState> {
  const isSettled = (now: RuleState) => Object.values(now.lanes).every(({ open }) => open === undefined);
  await expect.poll(async () => (await state(rule)).starts, soon).toBe(starts);
  await expect.poll(async () => isSettled(await state(rule)), soon).toBe(true);
  return state(rule);
}

/** What the runs of a rule have done, and how often. */
function learned(rule: string): Record<string, number> {
  const all = Object.entries(fixture.effects.counts()).filter(([key]) => key.startsWith(`${rule}/`));
  const parts = all.map(([key, count]) => [key.slice(rule.length + 1), count] as const);
  return Object.fromEntries(parts.filter(([key]) => key.includes('+')));
}

const runsOf = async (rule: string) => (await state(rule)).recent.map(({ workflowId }) => workflowId);
/** `2026-01-01`, and so on. */
const day = (n: number) => new Date(Date.UTC(2026, 0, n));

async function publishedFor(date: Date, ...all: One[]): Promise<unknown> {
  const dataInterval = { start: new Date(date.getTime() - 86_400_000), end: date };
  const input = { effects: fixture.effects.url, all };
  const run = await fixture.evertrain.start(publish, input, { provenance: false, logicalDate: date, dataInterval });
  return run.result();
}

describe('a rule on two assets', () => {
  it('starts a run when both are new, in any order and at the same time, and none before', async () => {
    await published({ asset: 'order/a', value: '1' });
    await published({ asset: 'order/c', value: '1' });
    await settled('order', 1);
    await published({ asset: 'order/c', value: '2' });
    await published({ asset: 'order/a', value: '2' });
    await settled('order', 2);
    await published({ asset: 'order/a', value: '3' }, { asset: 'order/c', value: '3' });
    await settled('order', 3);
    await published({ asset: 'order/a', value: '4' });
    await published({ asset: 'order/a', value: '5' });
    await published({ asset: 'order/c', value: '4' });
    await settled('order', 4);
    expect(learned('order')).toEqual({ '1+1': 1, '2+2': 1, '3+3': 1, '5+4': 1 });
    const [first = ''] = await runsOf('order');
    const { startedOn } = await fixture.evertrain.attach(first).view();
    expect(startedOn).toMatchObject({ rule: 'order', news: [{ asset: 'order/a' }, { asset: 'order/c' }] });
  });

  it('starts one more run on what came while one was at work', async () => {
    fixture.effects.hold('busy/1+1');
    await published({ asset: 'busy/a', value: '1' }, { asset: 'busy/c', value: '1' });
    await fixture.effects.began('busy/1+1');
    await published({ asset: 'busy/a', value: '2' });
    await published({ asset: 'busy/c', value: '2' });
    await published({ asset: 'busy/a', value: '3' });
    expect(await state('busy')).toMatchObject({ starts: 1 });
    fixture.effects.release('busy/1+1');
    await settled('busy', 2);
    expect(learned('busy')).toEqual({ '1+1': 1, '3+2': 1 });
  });

  it('takes what the step cache gave, and with onlyChanged the same output, for no news', async () => {
    await published({ asset: 'changed/a', value: '1' });
    await settled('changed', 1);
    await published({ asset: 'changed/a', value: '1' });
    await published({ asset: 'cached', value: '2' });
    await settled('changed', 2);
    await published({ asset: 'cached', value: '2' });
    await published({ asset: 'changed/a', value: '1' });
    await settled('changed', 3);
    const last = await fixture.evertrain.assets.show('changed/a');
    expect(last).toMatchObject({ published: 5, producers: [{ pipeline: 'publish', step: 'publish-changed-a' }] });
    expect(learned('changed')).toEqual({ '1+-': 2, '2+-': 1 });
  });

  it('tells people of an input that cannot be made, and goes on with the next news', async () => {
    await published({ asset: 'lonely', value: 'bad' });
    await expect
      .poll(() => receiver.received.map(({ body }) => body['message']), soon)
      .toEqual([expect.stringContaining('Rule "lonely" starts no run on news: toInput threw: Error: it is bad')]);
    await published({ asset: 'lonely', value: 'good' });
    const { recent } = await settled('lonely', 1);
    expect(recent).toMatchObject([{ refused: expect.stringContaining('it is bad') as string }, {}]);
    expect(learned('lonely')).toEqual({});
    expect(fixture.effects.count('lonely/good')).toBe(1);
  });
});

describe('a rule by partitions', () => {
  it('starts a run for each day of which both are new, with its dates', async () => {
    await publishedFor(day(2), { asset: 'daily/a', value: '1' });
    await publishedFor(day(3), { asset: 'daily/a', value: '2' }, { asset: 'daily/c', value: '2' });
    await settled('daily', 1);
    await publishedFor(day(2), { asset: 'daily/c', value: '1' });
    await settled('daily', 2);
    expect(learned('daily')).toEqual({ '2026-01-01/1+1': 1, '2026-01-02/2+2': 1 });
    const [first = ''] = await runsOf('daily');
    const view = await fixture.evertrain.attach(first).view();
    expect(view.planned?.interval).toEqual({ start: day(2).getTime(), end: day(3).getTime() });
  });

  it('refuses a step that publishes by day in a run without a date, before it begins', async () => {
    const run = await begin({ asset: 'daily/a', value: 'no date' });
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    expect(fixture.effects.begun('publish/daily/a/no date')).toBe(0);
  });

  it('starts one run for each of 12 keys, while the worker and the engine are killed', async () => {
    const keys = Array.from({ length: 12 }, (_, n) => `${n}`);
    const run = await begin(...keys.map((key) => ({ asset: 'keyed', value: key, partition: key })));
    const effects = () => Object.keys(fixture.effects.counts()).filter((key) => /^(publish\/)?keyed\//.test(key));
    await expect.poll(() => effects().length, soon).toBeGreaterThan(8);
    await Promise.all([worker.kill(), fixture.engine.kill()]);
    await fixture.engine.restart();
    worker = await serve();
    await run.result();
    await settled('keyed', 12);
    const runs = await fixture.evertrain.list({ pipeline: 'learn', limit: 500 });
    const ours = runs.map(({ workflowId }) => workflowId).filter((id) => id.startsWith('learn/keyed-'));
    expect(ours).toHaveLength(12);
    expect(keys.filter((key) => fixture.effects.count(`keyed/${key}/${key}`) === 0)).toEqual([]);
  });
});

describe('a rule for a model', () => {
  it('starts the model, which is told of each publication once and trains on it', async () => {
    const { effects, evertrain } = fixture;
    for (const value of ['one', 'bad', 'two']) {
      await published({ asset: 'fed', value });
      const last = async () => (await state('fed')).lanes['']?.newest['fed']?.output;
      await expect.poll(last, soon).toMatchObject({ value });
      await expect.poll(async () => (await state('fed')).lanes['']?.news, soon).toEqual([]);
    }
    await expect.poll(() => effects.count('trained/two'), soon).toBe(1);
    expect(effects.count('trained/one')).toBe(1);
    expect((await evertrain.model(trained).state()).data?.counts).toMatchObject({ received: 2, duplicates: 0 });
    const { starts, recent } = await state('fed');
    expect(starts).toBe(2);
    expect(recent.map(({ refused = 'told', workflowId }) => [workflowId.split('-')[0], refused])).toEqual([
      ['model/trained', 'told'],
      [expect.anything(), 'toBatch threw: Error: it is bad'],
      ['model/trained', 'told'],
    ]);
  });
});

describe('a rule that people pause', () => {
  it('starts nothing, also when it is applied again, and one run on the newest when it is resumed', async () => {
    const { assets } = fixture.evertrain;
    const { starts } = await state('lonely');
    const seen = async () => (await assets.rules()).find(({ name }) => name === 'lonely');
    expect(await assets.pause('lonely', 'bob: later')).toMatchObject({
      name: 'lonely',
      paused: { reason: 'bob: later' },
    });
    await assets.apply({ rules: Object.values(rules) });
    for (const value of ['third', 'fourth']) await published({ asset: 'lonely', value });
    const newest = async () => (await state('lonely')).lanes['']?.newest['lonely']?.output;
    await expect.poll(newest, soon).toMatchObject({ value: 'fourth' });
    expect(await seen()).toMatchObject({ paused: { reason: 'bob: later' }, starts, waiting: 1 });
    expect(await assets.resume('lonely')).not.toHaveProperty('paused');
    await settled('lonely', starts + 1);
    expect([fixture.effects.count('lonely/third'), fixture.effects.count('lonely/fourth')]).toEqual([0, 1]);
    await expect(assets.pause('lonly', '')).rejects.toMatchObject({
      code: 'USER_RULE_UNKNOWN',
      remedy: 'Did you mean "lonely"?',
    });
  });
});

describe('an asset', () => {
  it('keeps its history, and that of its readers, short over 60 publications', async () => {
    const asset = fixture.evertrain.client.workflow.getHandle(assetWorkflowId('many/a', undefined));
    const by = { pipeline: 'other', workflowId: 'w', runId: 'r', stepId: 's' };
    const output = { effects: fixture.effects.url, value: 'last' };
    for (let n = 0; n < 60; n++) {
      const publication = { id: `${n}`, asset: 'many/a', partition: '', digest: `${n}`, at: n, by, output };
      await asset.signal(assetMessages.published, { rules: {}, publications: [publication, publication] });
    }
    await published({ asset: 'many/c', value: '1' });
    await settled('many', 1);
    expect(learned('many')).toEqual({ 'last+1': 1 });
    expect(await fixture.evertrain.assets.show('many/a')).toMatchObject({ published: 60 });
    for (const id of [asset.workflowId, ruleWorkflowId('many', undefined)]) {
      const { historyLength } = await fixture.evertrain.client.workflow.getHandle(id).describe();
      expect(historyLength).toBeLessThan(200);
    }
  });

  it('that nobody publishes for too long is stale, which people are told once', async () => {
    await published({ asset: 'fresh', value: '1' });
    const told = () => receiver.received.filter(({ body }) => body['kind'] === 'asset-stale');
    await expect.poll(told, soon).toHaveLength(1);
    expect(await fixture.evertrain.assets.show('fresh')).toMatchObject({ isStale: true });
    await published({ asset: 'fresh', value: '2' });
    await expect.poll(told, soon).toHaveLength(2);
  });

  it('is shown with who publishes and who reads it, and known by name', async () => {
    const { edges } = await fixture.evertrain.assets.graph();
    expect(edges.filter(({ asset }) => asset === 'order/a')).toEqual([
      { kind: 'publishes', asset: 'order/a', pipeline: 'publish', step: 'publish-order-a' },
      { kind: 'reads', asset: 'order/a', pipeline: 'learn', rule: 'order' },
    ]);
    await expect(fixture.evertrain.assets.show('order/b')).rejects.toMatchObject({
      code: 'USER_ASSET_UNKNOWN',
      remedy: 'Did you mean "order/a"?',
    });
  });
});

describe('the rules that a project declares', () => {
  it('are told to an asset again that somebody has terminated', async () => {
    const { evertrain } = fixture;
    await evertrain.client.workflow.getHandle(assetWorkflowId('busy/c', undefined)).terminate('a mistake');
    expect(await evertrain.assets.apply({ rules: [rules.busy] })).toContainEqual({ kind: 'unchanged', name: 'busy' });
    const readersOf = async () => (await evertrain.assets.show('busy/c').catch(() => undefined))?.readers;
    await expect.poll(readersOf, soon).toEqual([{ rule: 'busy', pipeline: 'learn' }]);
  });

  it('are changed, and ended when they are declared no more', async () => {
    const { evertrain } = fixture;
    const { settings } = rules.order;
    const other = { ...rules.order, settings: { ...settings, assets: ['busy/a', 'order/c'] } };
    const ofOrder = ({ name }: { readonly name: string }) => name === 'order';
    expect((await evertrain.assets.apply({ rules: [other] })).filter(ofOrder)).toMatchObject([
      { kind: 'changed', name: 'order', differences: [expect.stringMatching(/^assets: .* → .*busy\/a/)] },
    ]);
    await expect
      .poll(async () => (await evertrain.assets.show('busy/a')).readers.map(({ rule }) => rule).sort(), soon)
      .toEqual(['busy', 'order']);
    expect((await evertrain.assets.show('order/a')).readers).toEqual([]);
    expect((await evertrain.assets.apply({ rules: [] }, { prune: true })).filter(ofOrder)).toEqual([
      { kind: 'deleted', name: 'order' },
    ]);
    await expect.poll(async () => (await evertrain.assets.show('order/c')).readers, soon).toEqual([]);
  });
});
