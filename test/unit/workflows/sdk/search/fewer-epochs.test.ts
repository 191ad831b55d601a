import { describe, expect, it } from 'vitest';
import { asha, float, pipeline, search, type Study } from '../../../../../workflows/sdk/index.js';
import {
  epochOf,
  type SgdParams,
  type SgdState,
  trainedTo,
  untrained,
} from '../../../../fixtures/durability/iris-sgd.js';
import { runPlain } from '../../../../support/run-plain.js';

const epochs = 27;
const seeds = Array.from({ length: 5 }, (_, seed) => seed);

/** A study of 60 real trainings on the iris data, and how many epochs it took. */
async function study(seed: number, scheduled: boolean): Promise<{ loss: number; epochs: number }> {
  let trained = 0;
  const states = new Map<string, SgdState>();
  const run = pipeline('flowers', {}, () =>
    search({
      space: { rate: float(1e-4, 1, { log: true }), decay: float(1e-6, 1e-1, { log: true }) },
      trials: 60,
      atMost: 4,
      minimize: 'loss',
      seed,
      ...(scheduled ? { scheduler: asha({ min: 3, max: epochs, eta: 3 }) } : {}),
      trial: async ({ params, budget = epochs }: { params: SgdParams; budget?: number }) => {
        const key = JSON.stringify(params);
        let state = states.get(key) ?? untrained;
        for (; state.epoch < budget; trained++) state = epochOf(state, params, 7);
        states.set(key, state);
        return { loss: state.curve.at(-1) as number };
      },
    }),
  );
  const result = await runPlain(run, undefined);
  if (result.outcome !== 'completed') throw new Error('rejected');
  const { best } = result.output as Study<SgdParams>;
  expect(best.value).toBe(trainedTo(epochs, best.params, 7).curve.at(-1));
  return { loss: best.value, epochs: trained };
}

describe('a study of trainings by ASHA', () => {
  it('takes a third of the epochs or less, and ends with the same winner', async () => {
    for (const seed of seeds) {
      const [scheduled, plain] = [await study(seed, true), await study(seed, false)];
      expect(scheduled.loss).toBe(plain.loss);
      expect(plain.epochs / scheduled.epochs).toBeGreaterThanOrEqual(3);
    }
  }, 60_000);
});
