import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chaosRound, undisturbed } from '../support/chaos.js';
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

  it.each([1, 2])(
    'end as if nothing had happened (seed %i)',
    async (seed) => {
      const round = await chaosRound(fixture, { under: `seed-${seed}`, faults: 3, model, seed });
      expect(round.failures).toEqual([]);
      expect(round.faults).toHaveLength(3);
    },
    300_000,
  );
});
