import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import type { Implementation } from '../../../activities/sdk/implementation.js';
import { createWorker } from '../../../worker/create-worker.js';
import { workerLog } from '../../../worker/log.js';
import { warmUp } from '../../../worker/warm-up.js';
import { secret } from '../../../workflows/sdk/index.js';
import { defined } from '../../../workflows/sdk/registry.js';
import { activities } from '../../fixtures/commands/activities/index.js';
import { working } from '../../fixtures/commands/workflows/contracts.js';
import { effectServer } from '../../support/effect-server.js';
import { startTestEngine } from '../../support/test-engine.js';

afterEach(() => vi.restoreAllMocks());

const spyOnWarnings = () => vi.spyOn(workerLog, 'warn').mockImplementation(() => undefined);

/** An implementation of a step of the fixture, by another name. */
function withWarm(name: string, warm: () => Promise<void>): Implementation {
  const [one] = activities;
  if (one === undefined) throw new Error('the fixture has no activities');
  return { ...one, step: { ...one.step, name }, warm };
}

test('warming up starts each implementation that can be, waits for none, and logs what fails', async () => {
  const warn = spyOnWarnings();
  const warmed: string[] = [];
  warmUp([
    withWarm('endless', () => new Promise(() => undefined)),
    withWarm('broken', async () => Promise.reject(new Error('no Python'))),
    withWarm('at-once', () => {
      throw new Error('no file');
    }),
    withWarm('warm', async () => void warmed.push('warm')),
  ]);
  await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(2));
  expect(warn).toHaveBeenCalledWith('step "broken" is not warmed up: no Python');
  expect(warn).toHaveBeenCalledWith('step "at-once" is not warmed up: no file');
  expect(warmed).toEqual(['warm']);
});

test('a worker that serves runs is not made where a declared secret is not set', async () => {
  secret('EVERTRAIN_TEST_UNSET');
  const workflows = fileURLToPath(new URL('../../fixtures/commands/workflows/index.ts', import.meta.url));
  const made = createWorker({ workflows, activities, address: '127.0.0.1:1' });
  await expect(made).rejects.toMatchObject({ code: 'USER_SECRET_MISSING', value: 'EVERTRAIN_TEST_UNSET' });
  defined.secrets.delete('EVERTRAIN_TEST_UNSET');
});

test('a worker serves while its steps warm up, also one whose warming up fails', async () => {
  const warn = spyOnWarnings();
  const engine = await startTestEngine();
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-warm-'));
  const effects = await effectServer();
  const cold = async () => Promise.reject(new Error('not now'));
  const worker = await createWorker({
    workflows: fileURLToPath(new URL('../../fixtures/commands/workflows/index.ts', import.meta.url)),
    activities: activities.map((one) => ({
      ...one,
      warm: one.step.name === 'work' ? cold : () => new Promise<void>(() => undefined),
    })),
    address: engine.address,
    dataDir,
  });
  expect(warn).not.toHaveBeenCalled();
  const serving = worker.run();
  const evertrain = await engine.connect();
  try {
    const run = await evertrain.start(working, { effects: effects.url }, { provenance: false });
    expect(await run.result()).toEqual({ outcome: 'completed', output: {} });
    expect(warn).toHaveBeenCalledWith('step "work" is not warmed up: not now');
  } finally {
    worker.shutdown();
    await serving;
    await evertrain.close();
    await effects.close();
    await engine.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
