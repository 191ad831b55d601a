import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Run } from '../../client/run.js';
import { cachedBundle } from '../../worker/bundle-cache.js';
import { replay } from '../../worker/replay.js';
import { bundleFile } from '../support/bundle-file.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';
import { type SpawnedWorker, spawnWorker } from '../support/spawn-worker.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';
import { webhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.js';

const folder = (version: 'before' | 'after') =>
  fileURLToPath(new URL(`../fixtures/edited/${version}`, import.meta.url));
const workflows = `${folder('after')}/workflows.ts`;

/** The line of today's code that ends in the mark. */
function line(mark: string): string {
  const lines = readFileSync(workflows, 'utf8').split('\n');
  return `line ${lines.findIndex((text) => text.endsWith(`// ${mark}`)) + 1} of test/fixtures/edited/after/workflows.ts`;
}

/** What people are told of each run that does not fit. */
const changes: Readonly<Record<string, string>> = {
  'timer-inserted': `Sleep, ${line('timer-inserted')}, changed: this run called step "tell" there.`,
  'gate-inserted': `Gate "large enough", ${line('gate-inserted')}, changed: this run called step "tell" there.`,
  'step-replaced': `Step "other", ${line('step-replaced')}, changed: this run called step "tell" there.`,
  'order-swapped': `Step "other", ${line('order-swapped')}, changed: this run called step "tell" there.`,
  'step-removed': `After step "tell", ${line('step-removed')}, the pipeline changed: this run called step "other" next.`,
  'items-dropped': `After step "tell", ${line('items-dropped')}, the pipeline changed: this run called step "tell" next.`,
  'child-replaced': `Step "tell", ${line('child-replaced')}, changed: this run called pipeline "child" there.`,
};
const fitting = ['step-appended', 'schema-tightened'];

describe('code that changes under open runs', () => {
  let engine: TestEngine;
  let effects: EffectServer;
  let receiver: WebhookReceiver;
  let evertrain: Evertrain;
  let worker: SpawnedWorker;
  const runs = new Map<string, Run>();
  const serve = async (version: 'before' | 'after') => {
    const bundle = await bundleFile(`${folder(version)}/workflows.ts`, engine.dataDir);
    return spawnWorker({ ...engine, project: folder(version), bundle, webhook: receiver.url });
  };
  const start = (name: string) =>
    evertrain.startByName(name, { effects: effects.url, under: name }, { provenance: false, id: name });
  const runOf = (name: string) => runs.get(name) as Run;

  beforeAll(async () => {
    [engine, effects, receiver] = await Promise.all([startTestEngine(), effectServer(), webhookReceiver()]);
    evertrain = await engine.connect();
    const before = await serve('before');
    for (const name of [...Object.keys(changes), ...fitting, 'removed']) {
      effects.hold(`${name}/held`);
      runs.set(name, await start(name));
    }
    await Promise.all([...runs.keys()].map((name) => effects.began(`${name}/held`)));
    await before.kill();
    worker = await serve('after');
    for (const name of runs.keys()) effects.release(`${name}/held`);
  });
  afterAll(async () => {
    await worker?.kill();
    await evertrain?.close();
    await effects?.close();
    await receiver?.down();
    await engine?.stop();
  });

  it.each(Object.entries(changes))('names what changed: %s', async (name, message) => {
    const notices = () => receiver.received.filter(({ body }) => body['workflowId'] === name);
    await expect.poll(notices, { timeout: 60_000 }).toHaveLength(1);
    expect(notices()[0]?.body).toMatchObject({
      kind: 'run-blocked',
      pipeline: name,
      message: expect.stringContaining(message) as string,
    });
    const { status, blocked } = await runOf(name).view();
    expect(status).toEqual({ kind: 'running' });
    expect(blocked?.message).toContain('`evertrain replay` names the step and the line');
  });

  it('says so before a deployment, too', async () => {
    const bundle = await cachedBundle(workflows);
    const history = async (name: string) => fetchHistory(evertrain.client, name);
    const mismatch = await replay(bundle, await history('step-replaced'));
    expect(mismatch).toMatchObject({ code: 'USER_REPLAY_INCOMPATIBLE', value: 'step-replaced' });
    expect(mismatch?.message).toContain(changes['step-replaced']);
    expect(await replay(bundle, await history('step-appended'))).toBeUndefined();
  });

  it('lets runs that fit end on the new code', async () => {
    expect(await runOf('step-appended').result()).toMatchObject({ outcome: 'completed' });
    expect(effects.count('step-appended/appended')).toBe(1);
    expect(await runOf('schema-tightened').result()).toEqual({ outcome: 'completed', output: 'schema-tightened' });
  });

  it('keeps a run whose pipeline is gone, and says which', async () => {
    const message = async () => (await runOf('removed').view()).blocked?.message;
    await expect.poll(message, { timeout: 20_000 }).toMatch(/"removed"/);
  });

  it('serves a new pipeline while old workers are still there', async () => {
    const old = await serve('before');
    const added = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        evertrain.startByName('added', { effects: effects.url, under: `added-${n}` }, { provenance: false }),
      ),
    );
    for (const run of added) expect(await run.result()).toEqual({ outcome: 'completed', output: 'done' });
    await old.kill();
  }, 120_000);

  it('lets every run end with the old code back: nothing is lost, nothing done twice', async () => {
    await worker.kill();
    worker = await serve('before');
    for (const [name, run] of runs) {
      expect([name, await run.result()]).toMatchObject([name, { outcome: 'completed' }]);
      expect([name, effects.count(`${name}/held`)]).toEqual([name, 1]);
    }
  }, 120_000);

  let today: SpawnedWorker | undefined;
  it.each([
    ['gate-inserted', 'tell#2', { first: 1, held: 2 }],
    ['step-replaced', 'tell', { held: 2 }],
    ['order-swapped', 'other', { first: 1, held: 2 }],
    ['step-removed', 'other', { first: 1, held: 1 }],
    ['items-dropped', 'tell[1]/tell', { first: 1, held: 1 }],
    ['step-appended', 'tell#2', { held: 1, appended: 2 }],
  ])('takes up an ended run from a step on, by the code of today: %s', async (name, from, counts) => {
    worker = today ?? (await worker.kill().then(() => serve('after')));
    today = worker;
    const again = await evertrain.rerun(runOf(name), { from, provenance: false });
    expect(await again.result()).toMatchObject({ outcome: 'completed' });
    const mine = Object.entries(effects.counts()).filter(([key]) => key.startsWith(`${name}/`));
    expect(Object.fromEntries(mine.map(([key, count]) => [key.slice(name.length + 1), count]))).toEqual(counts);
  });
});
