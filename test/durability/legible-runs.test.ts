import { fileURLToPath } from 'node:url';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import { asking, crowd, failing, scorer } from '../fixtures/commands/workflows/contracts.js';
import { bundleFile } from '../support/bundle-file.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';
import { type SpawnedWorker, spawnWorker } from '../support/spawn-worker.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';
import { runRecord } from '../support/run-record.js';

const project = fileURLToPath(new URL('../fixtures/commands', import.meta.url));
let engine: TestEngine;
let evertrain: Evertrain;
let effects: EffectServer;
let worker: SpawnedWorker;

beforeAll(async () => {
  engine = await startTestEngine();
  evertrain = await engine.connect();
  effects = await effectServer();
  worker = await startWorker();
});
afterAll(async () => {
  await worker?.kill();
  await evertrain?.close();
  await effects?.close();
  await engine?.stop();
});

async function startWorker(options: { readonly cachedRuns?: number } = {}): Promise<SpawnedWorker> {
  const { address, dataDir } = engine;
  const bundle = await bundleFile(`${project}/workflows/index.ts`, dataDir);
  return spawnWorker({ project, address, dataDir, bundle, ...options });
}

/** What Temporal's UI shows as a run's current details. */
async function detailsOf(id: string): Promise<string[]> {
  const metadata = await evertrain.client.workflow
    .getHandle(id)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails?.split('\n') ?? [];
}

describe("Temporal's UI", () => {
  it('shows a run of 201 steps as a tree of 50 lines at most, what is open first, also when the worker has lost it', async () => {
    effects.hold('work');
    const input = { effects: effects.url, count: 200 };
    const run = await evertrain.start(crowd, input, { id: 'crowd', provenance: false });
    await effects.began('work');
    await expect.poll(async () => (await detailsOf('crowd'))[1], { timeout: 30_000 }).toBe('- notes: 200 completed');
    const open = await detailsOf('crowd');
    expect(open).toHaveLength(50);
    expect(open[0]).toBe('**crowd**: many notes');
    expect(open[2]).toBe('  - ✅ notes[0]/note (completed)');
    expect(open.at(-2)).toBe('- ⏳ work (queued)');
    expect(open.at(-1)).toMatch(/^- and \d+ more steps$/);

    effects.release('work');
    await expect.poll(async () => (await run.approvals()).length, { timeout: 10_000 }).toBe(1);
    await worker.kill();
    worker = await startWorker({ cachedRuns: 0 });
    const asked = await detailsOf('crowd');
    expect(asked).toHaveLength(50);
    expect(asked.slice(0, 3)).toEqual(['**crowd**: many notes', '- ✋ waits for "ship it?"', '- notes: 200 completed']);
    await run.approve('ship it?', { approved: true });
    await run.result();
  });

  it('has a summary on every step and look-up', async () => {
    const { events } = await evertrain.client.workflow.getHandle('crowd').fetchHistory();
    const scheduled = events?.filter((event) => event.activityTaskScheduledEventAttributes) ?? [];
    const summaries = scheduled.map(({ userMetadata }) =>
      userMetadata?.summary ? defaultPayloadConverter.fromPayload<string>(userMetadata.summary) : undefined,
    );
    expect(scheduled.length).toBeGreaterThan(200);
    expect(summaries).not.toContain(undefined);
    expect(summaries).toContain('notes[7]/note: takes a note');
    // Patches leave markers too.
    const lookups = (events ?? []).filter(
      ({ markerRecordedEventAttributes: marker }) => marker?.markerName === 'core_local_activity',
    );
    expect(lookups).toHaveLength(200);
    expect(lookups.every(({ userMetadata }) => userMetadata?.summary)).toBe(true);
    expect((await evertrain.client.workflow.getHandle('crowd').describe()).staticSummary).toBeDefined();
  });

  it('finds runs by pipeline, model, outcome and what they wait for', async () => {
    const waiting = await evertrain.start(asking, {}, { id: 'waits', provenance: false });
    const lost = await evertrain.start(failing, {}, { id: 'lost', provenance: false });
    await expect(lost.result()).rejects.toThrow('on purpose');
    const training = await evertrain.model(scorer).train({ accuracy: 0.5 }, { trigger: 't1', provenance: false });
    await training.result();
    const found = async (query: string) => {
      const ids: string[] = [];
      for await (const { workflowId } of evertrain.client.workflow.list({ query })) ids.push(workflowId);
      return ids.sort();
    };
    const finds = (query: string, ids: readonly string[]) =>
      expect.poll(() => found(query), { timeout: 5_000 }).toEqual(ids);
    await finds("EvertrainPipeline = 'crowd'", ['crowd']);
    await finds("EvertrainModel = 'scorer'", ['model/scorer', 'scoring/scorer/t1']);
    await finds("EvertrainOutcome = 'failed'", ['lost']);
    await finds("EvertrainOutcome = 'completed'", ['crowd', 'scoring/scorer/t1']);
    await finds("EvertrainWaitingFor = 'approval:ship it?'", ['waits']);
    await waiting.cancel();
    await finds("EvertrainOutcome = 'cancelled'", ['waits']);
    await finds("EvertrainWaitingFor = 'approval:ship it?'", []);
  });

  it('outlives its history in a record, whatever the end was', async () => {
    for (const [id, outcome, steps] of [
      ['crowd', 'completed', 201],
      ['lost', 'failed', 1],
      ['waits', 'cancelled', 0],
    ] as const) {
      const run = evertrain.attach(id);
      const record = await runRecord(engine.dataDir, run);
      expect(record.status.kind, id).toBe(outcome);
      expect(record.steps, id).toHaveLength(steps);
      expect(
        record.steps.every(({ status }) => status !== 'unknown'),
        id,
      ).toBe(true);
    }
  });
});
