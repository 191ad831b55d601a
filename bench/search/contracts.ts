import { z } from 'zod';
import { artifact, float, int, type ParamsOf, pipeline, random, search, step, tpe } from '../../workflows/sdk/index.js';

/** A trial has about 0.7 s of work. */
export const space = {
  n_estimators: int(20, 80),
  max_depth: int(4, 20),
  max_features: float(0.05, 0.6),
  min_samples_leaf: int(1, 8),
};
export type ForestParams = ParamsOf<typeof space>;

const Params = z.object({
  n_estimators: z.int(),
  max_depth: z.int(),
  max_features: z.number(),
  min_samples_leaf: z.int(),
});

/** When the training began (seconds since 1970, by the trial's clock), how long it took, and what came of it. */
export const Trained = z.object({ accuracy: z.number(), began: z.number(), seconds: z.number() });

export const prepare = step('bench.search.prepare', { output: z.object({ digits: artifact() }), queue: 'cpu' });

const trial = { input: z.object({ params: Params, digits: artifact() }), output: Trained, queue: 'cpu' };

/** In processes that take one trial after the other, as the peers' do. */
export const score = step('bench.search.score', trial);

/** Each in a fork of its own, as it is where nobody asks for anything else. */
export const scoreApart = step('bench.search.score-apart', trial);

/** Brings up what a worker that lives for long has up: the host that has imported scikit-learn, and Optuna. */
export const warmUp = pipeline('bench.warm-up', {}, async () => {
  const { digits } = await prepare();
  await search({
    space: { ...space, n_estimators: int(2, 4) },
    trials: 20,
    atMost: 2,
    maximize: 'accuracy',
    sampler: tpe(),
    trial: score,
    with: { digits },
  });
  return { digits };
});

const Order = z.object({
  digits: artifact(),
  trials: z.int(),
  atMost: z.int(),
  apart: z.boolean(),
  /** Of the sampler; without a list it is TPE. */
  seed: z.int(),
  list: z.array(Params).optional(),
});

export const study = pipeline('bench.study', { input: Order }, async ({ digits, list, apart, ...options }) => {
  const { best } = await search({
    ...options,
    space,
    maximize: 'accuracy',
    sampler: list === undefined ? tpe() : random(),
    ...(list === undefined ? {} : { guesses: list }),
    trial: apart ? scoreApart : score,
    with: { digits },
  });
  return { accuracy: best.value };
});
