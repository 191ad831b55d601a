import { z } from 'zod';
import { artifact, asha, categorical, float, int, search, step } from '../../workflows/sdk/index.js';

/** What a search infers from its space and its trial; `npm run check` compiles it. */

const fit = step('typed.fit', {
  input: z.object({
    train: artifact(),
    params: z.object({ depth: z.int(), kind: z.enum(['a', 'b']) }),
    budget: z.int(),
  }),
  output: z.object({ accuracy: z.number(), model: artifact() }),
});
declare const train: z.input<ReturnType<typeof artifact>>;
const space = { depth: int(1, 5), kind: categorical(['a', 'b']) };

export async function infers(): Promise<void> {
  const study = await search({
    space,
    trials: 3,
    maximize: 'accuracy',
    scheduler: asha({ max: 9 }),
    trial: fit,
    with: { train },
  });
  const depth: number = study.best.params.depth;
  const kind: 'a' | 'b' = study.best.params.kind;
  const model: { readonly sha256: string } = study.best.output.model;
  void [depth, kind, model];

  const own = await search({
    space: { x: float(0, 1), only: float(0, 1, { when: { mode: 'p' } }), mode: categorical(['p', 'q']), fixed: 'word' },
    trials: 3,
    minimize: ['loss', 'seconds'],
    guesses: [{ x: 0.5, mode: 'q', fixed: 'word' }],
    trial: async ({ params }) => ({ loss: params.x + (params.only ?? 0), seconds: 1, note: params.mode }),
  });
  const only: number | undefined = own.best.params.only;
  const word: 'word' = own.best.params.fixed;
  const note: 'p' | 'q' = own.best.output.note;
  void [only, word, note];
}

export async function gives(): Promise<void> {
  const fn = { space: { x: float(0, 1) }, trials: 2, minimize: 'loss' } as const;
  await search({
    ...fn,
    scheduler: asha({ max: 9 }),
    trial: async ({ params, budget }) => ({ loss: params.x * budget }),
  });
  // @ts-expect-error without a scheduler there is no budget
  await search({ ...fn, trial: async ({ params, budget }) => ({ loss: params.x * budget }) });
  await search({ space, trials: 3, maximize: 'accuracy', trial: fit, with: { train, budget: 9 } });
  // @ts-expect-error nobody gives the budget
  await search({ space, trials: 3, maximize: 'accuracy', trial: fit, with: { train } });
  // @ts-expect-error the scheduler gives it
  await search({
    space,
    trials: 3,
    maximize: 'accuracy',
    scheduler: asha({ max: 9 }),
    trial: fit,
    with: { train, budget: 9 },
  });
}

const loose = step('typed.loose', {
  input: z.union([
    z.object({ kind: z.literal('a'), params: z.record(z.string(), z.number()) }),
    z.object({ kind: z.literal('b'), params: z.record(z.string(), z.number()), more: z.string().optional() }),
  ]),
});
const branched = { mode: categorical(['p', 'q']), only: float(0, 1, { when: { mode: 'p' } }) };
const withDefaults = step('typed.defaults', {
  input: z.object({ params: z.object({ mode: z.string().default('p'), only: z.number().optional() }) }),
  output: z.object({ loss: z.number() }),
});

export async function takes(): Promise<void> {
  // Of an output without a schema, any name.
  await search({
    space: { x: float(0, 1) },
    trials: 2,
    minimize: 'loss',
    trial: loose,
    with: { kind: 'b', more: 'm' },
  });
  const before = await search({ space: branched, trials: 2, minimize: 'loss', trial: withDefaults });
  await search({ space: branched, trials: 2, minimize: 'loss', trial: withDefaults, warmStart: before });
  // @ts-expect-error the step has no use for it
  await search({ space: { ...branched, onyl: float(0, 1) }, trials: 2, minimize: 'loss', trial: withDefaults });
}

const kinds = step('typed.kinds', {
  input: z.object({
    params: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('tree'), depth: z.int(), rate: z.number() }),
      z.object({ kind: z.literal('linear'), rate: z.number() }),
      z.object({
        kind: z.enum(['kernel', 'near']),
        width: z.number(),
        shape: z.enum(['rbf', 'poly']),
        degree: z.int().optional(),
      }),
    ]),
  }),
  output: z.object({ loss: z.number() }),
});
const kindSpace = {
  kind: categorical(['tree', 'linear', 'kernel', 'near']),
  depth: int(1, 9, { when: { kind: 'tree' } }),
  rate: float(0, 1, { when: { kind: ['tree', 'linear'] } }),
  width: float(0, 1, { when: { kind: ['kernel', 'near'] } }),
  shape: categorical(['rbf', 'poly'], { when: { kind: ['kernel', 'near'] } }),
  degree: int(1, 5, { when: { shape: 'poly' } }),
};
const counted = { layers: int(1, 3), second: int(1, 9, { when: { layers: [2, 3] } }) };

/** A step may take a union by the values that conditions name. */
export async function branches(): Promise<void> {
  const study = await search({ space: kindSpace, trials: 2, minimize: 'loss', trial: kinds });
  const { params } = study.best;
  await kinds({ params });
  if (params.kind === 'tree') void (params.depth satisfies number);
  if (params.kind === 'linear') void ([params.depth] satisfies [undefined]);
  if (params.shape === 'poly') void (params.degree satisfies number);
  const loose: number | undefined = params.depth ?? params.width;
  void loose;
  await search({ space: kindSpace, trials: 2, minimize: 'loss', trial: kinds, guesses: [{ kind: 'linear', rate: 1 }] });
  // @ts-expect-error a tree has a depth
  await search({ space: kindSpace, trials: 2, minimize: 'loss', trial: kinds, guesses: [{ kind: 'tree', rate: 1 }] });
  const { depth: _, ...without } = kindSpace;
  // @ts-expect-error nobody gives the depth that a tree takes
  await search({ space: without, trials: 2, minimize: 'loss', trial: kinds });
  const forest = { ...kindSpace, kind: categorical(['tree', 'forest']) };
  // @ts-expect-error the step has no such kind
  await search({ space: forest, trials: 2, minimize: 'loss', trial: kinds });
  const deep = await search({ space: counted, trials: 2, minimize: 'loss', trial: async () => ({ loss: 1 }) });
  const second: number | undefined = deep.best.params.second;
  void second;
}

const other = { width: int(1, 5) };

export async function refuses(): Promise<void> {
  // @ts-expect-error the output has no such number
  await search({ space, trials: 3, maximize: 'acuracy', trial: fit, with: { train, budget: 9 } });
  // @ts-expect-error it is no number
  await search({ space, trials: 3, maximize: 'model', trial: fit, with: { train, budget: 9 } });
  // @ts-expect-error what the step needs beside its parameters is missing
  await search({ space, trials: 3, maximize: 'accuracy', trial: fit });
  // @ts-expect-error the step takes other parameters
  await search({ space: other, trials: 3, maximize: 'accuracy', trial: fit, with: { train, budget: 9 } });
  await search({
    space,
    trials: 3,
    maximize: 'accuracy',
    trial: fit,
    with: { train, budget: 9 },
    // @ts-expect-error a guess that the space does not have
    guesses: [{ depth: 1, kind: 'c' }],
  });
}
