import { pipeline, type Sampler, type Space, search, type TrialResult } from '../../workflows/sdk/index.js';
import { builtIn } from '../../workflows/sdk/protocol.js';
import type { Params } from '../../workflows/sdk/search/space.js';
import type { SuggestAnswer, SuggestRequest } from '../../workflows/sdk/search/suggest.js';
import { seeded } from './random.js';
import { runPlain } from './run-plain.js';
import { VirtualClock } from './virtual-clock.js';

/** What takes how long in virtual time, in units of the average trial. */
export interface ParallelTimes {
  readonly atMost: number;
  /** By trial number. */
  readonly durations: readonly number[];
  /** Of the requests for suggestions, one at a time, in their order. */
  readonly asks: readonly number[];
}

/** Trials of half an average one to one and a half; requests of up to `longestAsk`. */
export function drawTimes(seed: number, trials: number, longestAsk: number): ParallelTimes {
  const uniform = seeded(seed);
  const draw = (from: number, to: number) => Array.from({ length: trials }, () => from + uniform() * (to - from));
  return { atMost: 4, durations: draw(0.5, 1.5), asks: draw(0, longestAsk) };
}

export interface ParallelStudy {
  readonly name: string;
  readonly space: Space;
  readonly sampler: Sampler;
  readonly seed: number;
  readonly times: ParallelTimes;
  readonly suggest: (request: SuggestRequest) => Promise<SuggestAnswer>;
  /** To be minimized. */
  readonly value: (params: Params) => Promise<number>;
}

/** A study of `search` with trials at work at once, in virtual time; its trials by number. */
export async function parallelStudy({ times, suggest, value, ...options }: ParallelStudy): Promise<TrialResult[]> {
  const clock = new VirtualClock();
  let [begun, asked] = [0, 0];
  const duration = (of: readonly number[], index: number) => of[index] as number;
  const run = pipeline('parallel-study', {}, () =>
    search({
      ...options,
      trials: times.durations.length,
      atMost: times.atMost,
      minimize: 'value',
      trial: ({ params }) =>
        clock.take(duration(times.durations, begun++), async () => ({ value: await value(params as Params) })),
    }),
  );
  const builtIns = {
    [builtIn.suggest]: (request: unknown) =>
      clock.take(duration(times.asks, asked++), () => suggest(request as SuggestRequest)),
  };
  const result = await runPlain(run, undefined, { builtIns });
  if (result.outcome !== 'completed') throw new Error('rejected');
  return result.output.trials.toSorted((a, b) => a.trial - b.trial);
}
