import type { Evertrain } from 'evertrain/client';
import { spawnWorker, startTestEngine, type TestEngine } from 'evertrain/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainFlowers } from '../workflows/pipeline.js';

/** The real thing: an engine of the test's own, a worker process, Python. */
describe('flowers on an engine', () => {
  let engine: TestEngine;
  let evertrain: Evertrain;
  beforeAll(async () => {
    engine = await startTestEngine();
    evertrain = await engine.connect();
  });
  afterAll(async () => {
    await evertrain.close();
    await engine.stop();
  });

  it('survives the death of its worker', async () => {
    const first = await spawnWorker(engine);
    const run = await evertrain.start(trainFlowers, { depths: [3] });
    for await (const event of run.events()) if (event.type === 'gate') break;
    await first.kill();
    const second = await spawnWorker(engine);
    const result = await run.result();
    await second.stop();
    expect(result.outcome).toBe('completed');
    const { steps } = await run.view();
    expect(steps.map(({ id, status }) => [id, status])).toEqual([
      ['flowers.ingest', 'completed'],
      ['flowers.fit[0]/flowers.fit', 'completed'],
      ['flowers.evaluate', 'completed'],
    ]);
  });
});
