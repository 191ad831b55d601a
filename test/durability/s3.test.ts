import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readAttempts } from '../../activities/sdk/journal/read-run.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { ingestTable } from '../../activities/data/ingest.js';
import { validateTable } from '../../activities/data/validate.js';
import { ingest, type Rule, validate } from '../../workflows/pipelines/tabular/contracts.js';
import { plainActivities } from '../support/plain-activities.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { cached, converging, training } from '../fixtures/durability/contracts.js';
import { type DurableS3Project, durableS3Project } from '../support/durable-s3-project.js';

const options = { provenance: false } as const;
let fixture: DurableS3Project;

beforeAll(async () => {
  fixture = await durableS3Project();
});
afterAll(() => fixture?.close());

describe('artifacts and journal in S3', () => {
  it('are where a worker on another machine goes on from, after this one was killed', async () => {
    const { effects, evertrain, engine } = fixture;
    const first = await fixture.worker();
    effects.hold('sgd.saved-2');
    const input = { effects: effects.url, under: 'sgd', epochs: 4 };
    const run = await evertrain.start(converging, input, options);
    await effects.began('sgd.saved-2');
    await first.kill();
    effects.release('sgd.saved-2');
    const other = join(engine.dataDir, 'another-machine');
    const second = await fixture.worker({ dataDir: other });
    const result = await run.result();
    expect(result).toMatchObject({ outcome: 'completed', output: { seen: expect.any(Number) as number } });
    const { model } = (result as { output: { model: Artifact } }).output;
    const { store, journal } = openStorage(join(engine.dataDir, 'a-third-machine'));
    expect((await readFile(await store.materialize(model))).length).toBe(model.sizeBytes);
    const attempts = await readAttempts(journal, run.workflowId, run.runId ?? '');
    expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([[2, 'completed']]);
    for (const folder of [engine.dataDir, other]) {
      expect([existsSync(join(folder, 'artifacts')), existsSync(join(folder, 'journal'))]).toEqual([false, false]);
    }
    await second.stop();
  });

  it('are waited for: a training goes on from its checkpoint when the server is back', async () => {
    const { effects, evertrain } = fixture;
    const worker = await fixture.worker();
    effects.hold('checkpoint-3');
    const run = await evertrain.start(training, { effects: effects.url, epochs: 6 }, options);
    await effects.began('checkpoint-3');
    await fixture.s3.kill();
    effects.release('checkpoint-3');
    // Longer than the tries of one request take.
    await sleep(10_000);
    await fixture.s3.restart();
    expect(await run.result()).toMatchObject({ outcome: 'completed', output: { epochs: 6 } });
    const counts = [0, 1, 2, 3, 4, 5].map((epoch) => effects.count(`epoch-${epoch}`));
    expect(counts.toSpliced(3, 1)).toEqual([1, 1, 1, 1, 1]);
    expect(counts[3]).toBeLessThanOrEqual(2);
    await worker.stop();
  }, 150_000);

  it('give a cached step what another run did', async () => {
    const { effects, evertrain } = fixture;
    const worker = await fixture.worker();
    const input = { effects: effects.url, keys: ['once'] };
    await evertrain.execute(cached, input, options);
    await vi.waitUntil(async () => {
      const again = await evertrain.start(cached, input, options);
      await again.result();
      return (await again.view()).steps[0]?.status === 'cached';
    }, 20_000);
    expect(effects.count('once')).toBeLessThanOrEqual(2);
    await worker.stop();
  });

  it('are what DuckDB reads, by a local copy that needs no server afterwards', async () => {
    const writer = await plainActivities([ingestTable]);
    const reader = await plainActivities([validateTable]);
    const { table } = await writer.run(ingest, { source: 'data/iris.csv' });
    expect(table.uri).toMatch(/^s3:/);
    const columns: Record<string, Rule> = { petal_length: { type: 'number', range: [0, 10] } };
    const facts = await reader.run(validate, { table, columns });
    expect(facts).toMatchObject({ rows: 150, wrongColumns: [], outOfRange: 0 });
    await fixture.s3.kill();
    expect(await reader.run(validate, { table, columns })).toEqual(facts);
    await fixture.s3.restart();
    await Promise.all([writer.close(), reader.close()]);
  });
});
