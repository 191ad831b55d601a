import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { studyRound } from '../support/study-round.js';

/** `npm run soak -- --scenario search --seed S` does the same with 60 trials, ten kills of the worker and two of the engine. */
describe('a study of iterative trainings', () => {
  let fixture: DurableProject;
  beforeAll(async () => {
    fixture = await durableProject();
  });
  afterAll(() => fixture?.close());

  it('by ASHA, its worker and engine killed: no finished epoch is trained again, decisions follow from the order of ends', async () => {
    const round = await studyRound(fixture, {
      under: 'asha',
      trials: 24,
      atMost: 4,
      scheduler: 'asha',
      workerKills: 3,
      engineKills: 1,
      seed: 11,
    });
    expect(round.failures).toEqual([]);
    expect(round.repeated).toBe(0);
    expect(round.promotions).toBeGreaterThanOrEqual(9);
  }, 180_000);
});
