import { type PlainActivities, plainActivities, runPlain } from 'evertrain/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activities } from '../activities/index.js';
import { evaluate, fit, ingest } from '../workflows/contracts.js';
import { trainFlowers } from '../workflows/pipeline.js';

/** The real steps, Python included, as plain function calls: no engine, no worker. */
describe('the steps', () => {
  let plain: PlainActivities;
  beforeAll(async () => {
    plain = await plainActivities(activities);
  });
  afterAll(() => plain.close());

  it('fit a forest to the flowers', async () => {
    const { train, heldOut, rows } = await plain.run(ingest, { source: 'data/flowers.csv' });
    expect(rows).toBe(150);
    const { model, trained, accuracy } = await plain.run(fit, { train, depth: 3 });
    expect(model.mediaType).toBe('application/onnx');
    expect(accuracy).toBeGreaterThan(0.9);
    const { metrics } = await plain.run(evaluate, { model: trained, data: heldOut });
    expect(metrics.accuracy).toBeGreaterThan(0.8);
  });

  it('say which file is not there', async () => {
    await expect(plain.run(ingest, { source: 'data/weeds.csv' })).rejects.toThrow('data/weeds.csv');
  });

  it('make a candidate of the pipeline', async () => {
    const result = await runPlain(trainFlowers, { depths: [1, 3] }, { activities: plain });
    expect(result.outcome).toBe('completed');
  });
});
