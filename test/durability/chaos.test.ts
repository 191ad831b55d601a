import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chaosRound, faults, undisturbed } from '../support/chaos.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

/** `npm run soak -- --seed S` does the same for many rounds; docs/soak has its reports. */
describe('all shapes of runs and a training, under faults at random moments', () => {
  let fixture: DurableProject;
  let model: string;
  beforeAll(async () => {
    fixture = await durableProject();
    model = await undisturbed(fixture);
  });
  afterAll(() => fixture?.close());

  it('end as if nothing had happened', async () => {
    const round = await chaosRound(fixture, { under: 'once', faults: faults.length, model, seed: 1 });
    expect(round.failures).toEqual([]);
    expect(round.faults.toSorted()).toEqual(faults.toSorted());
  }, 300_000);
});
