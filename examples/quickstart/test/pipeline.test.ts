import { runPlain } from 'evertrain/testing';
import { describe, expect, it } from 'vitest';
import { trainFlowers } from '../workflows/pipeline.js';

/** The pipeline as a plain function call: no engine, no worker, steps given by the test. */
const sha256 = '0'.repeat(64);
const artifact = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 1, mediaType: 'text/csv' };
const golden = { request: {}, response: {}, tolerance: 0 };
const steps = {
  'flowers.ingest': ({ source }: { source: string }) => ({
    train: artifact,
    heldOut: artifact,
    rows: source === 'small.csv' ? 3 : 150,
  }),
  'flowers.fit': ({ depth }: { depth: number }) => ({
    model: artifact,
    trained: { ...artifact, sizeBytes: depth },
    accuracy: 1 - 1 / (10 * depth),
    golden,
  }),
  'flowers.evaluate': () => ({ metrics: { accuracy: 0.95 }, perRow: artifact }),
};

describe('flowers', () => {
  it('proposes the most accurate model', async () => {
    const result = await runPlain(trainFlowers, { depths: [2, 8, 4] }, { steps });
    expect(result).toMatchObject({
      outcome: 'completed',
      output: { trained: { sizeBytes: 8 }, metrics: { accuracy: 0.95 } },
    });
  });

  it('is rejected with too few rows', async () => {
    const result = await runPlain(trainFlowers, { source: 'small.csv' }, { steps });
    expect(result).toEqual({ outcome: 'rejected', gate: 'enough rows', facts: { rows: 3 } });
  });
});
