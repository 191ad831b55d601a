import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ruleMessages, ruleWorkflowId, type RuleState } from '../../workflows/sdk/assets/messages.js';
import { publish, rules } from '../fixtures/assets/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const soon = { timeout: 30_000 };
let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  // Assets and rules are told early that their histories are long.
  fixture = await durableProject('assets', ['limit.historyCount.suggestContinueAsNew=100']);
  worker = await fixture.worker();
  await fixture.evertrain.assets.apply({ rules: Object.values(rules) });
  const names = Object.values(rules).flatMap(({ assets }) => assets.map(({ name }) => name));
  await vi.waitFor(async () => expect((await readers()).sort()).toEqual(names.sort()), {
    timeout: 30_000,
    interval: 100,
  });
});
afterAll(() => fixture?.close());

/** Assets that a rule is told of. */
async function readers(): Promise<string[]> {
  const views = await fixture.evertrain.assets.list();
  return views.flatMap(({ name, readers: { length } }) => (length === 0 ? [] : [name]));
}

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
  });
});
