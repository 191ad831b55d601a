import { expect, it } from 'vitest';
import {
  asha,
  categorical,
  float,
  hyperband,
  pipeline,
  population,
  type SearchOptions,
  successiveHalving,
  tpe,
} from '../../../../../workflows/sdk/index.js';
import { builtIn } from '../../../../../workflows/sdk/protocol.js';
import { currentPath, currentScope, type RunHost } from '../../../../../workflows/sdk/run-scope.js';
import { conductStudy } from '../../../../../workflows/sdk/search/conduct-study.js';
import { resolvePlan } from '../../../../../workflows/sdk/search/resolve-plan.js';
import type { StudyState } from '../../../../../workflows/sdk/search/study-plan.js';
import type { TrialInput } from '../../../../../workflows/sdk/search/trial-call.js';
import type { Space } from '../../../../../workflows/sdk/search/space.js';
import type { SamplerEvent, SuggestAnswer, SuggestRequest } from '../../../../../workflows/sdk/search/suggest.js';
import { runPlain } from '../../../../support/run-plain.js';

/** Of a call: parameters, budget, and the calls that it goes on from with the runs that made them. */
type Call = readonly [prefix: string, input: TrialInput, resumes: readonly string[]];

/** Suggests by how much it was told, as a process does that keeps what it was told. */
class FakeOptuna {
  readonly known: SamplerEvent[] = [];

  standIn(host: RunHost): void {
    const others = host.builtIn.bind(host);
    host.builtIn = async (type, argument, summary) =>
      type === builtIn.suggest ? this.answer(argument as SuggestRequest) : others(type, argument, summary);
  }

  private answer({ since, events, trials }: SuggestRequest): SuggestAnswer {
    if (since > this.known.length) return { isCold: true };
    this.known.splice(since, Infinity, ...events);
    const suggestions = trials.map((trial) => ({ x: (this.known.length % 7) / 10, kind: 'a', pace: 1 + (trial % 3) }));
    this.known.push(...trials.map((trial, i) => ({ event: 'asked', trial, params: suggestions[i]! }) as const));
    return { suggestions };
  }
}

/** A study in parts of so many calls, each in a run of its own that is handed what the one before leaves. */
async function study(options: Partial<SearchOptions<Space>>, callsOfPart: number) {
  const calls: Call[] = [];
  const madeIn = new Map<string, string>();
  const space = { x: float(0, 1), kind: categorical(['a', 'b']), pace: categorical([1, 2, 3]) };
  const optuna = new FakeOptuna();
  const run = pipeline('parts', {}, async () => {
    optuna.standIn(currentScope('this test').host);
    const around = { queue: 'evertrain', input: undefined, output: undefined, warmStart: undefined, seed: 0 };
    const plan = resolvePlan('s', 's', { space, trials: 30, maximize: 'value', tolerate: 1, ...options }, around);
    let state: StudyState | undefined;
    for (let part = 0; ; part++) {
      const runId = `run ${part}`;
      const most = calls.length + callsOfPart;
      // Another process each time.
      optuna.known.length = 0;
      const settings = {
        plan,
        scope: currentScope('this test'),
        at: currentPath(),
        execution: 'e',
        runId,
        isFull: () => calls.length >= most,
        call: async (input: TrialInput) => {
          const { prefix, trial } = currentPath();
          madeIn.set(prefix, runId);
          for (const call of trial?.resumes ?? []) expect(call.runId).toBe(madeIn.get(call.prefix));
          calls.push([prefix, input, trial?.resumes.map((call) => call.prefix) ?? []]);
          const { x, pace } = input.params as { x: number; pace: number };
          return { value: x > 0.9 ? 'none' : pace * x * (input.budget ?? 1) };
        },
      };
      const found = await conductStudy(settings, state);
      if (!('open' in found)) return { found, parts: part + 1 };
      state = JSON.parse(JSON.stringify(found.open)) as StudyState;
    }
  });
  const result = await runPlain(run, undefined);
  if (result.outcome === 'rejected') throw new Error(result.gate);
  const { found, parts } = result.output;
  // An output of an earlier run is not known any more, and the best one's is.
  return { calls, parts, found, told: optuna.known };
}

it.each<[string, Partial<SearchOptions<Space>>]>([
  ['without a scheduler', {}],
  ['that repeats itself', { space: { kind: categorical(['a', 'b']), pace: categorical([1, 2]), x: 0.5 }, atMost: 1 }],
  ['by ASHA', { scheduler: asha({ max: 9 }) }],
  ['by halving', { scheduler: successiveHalving({ max: 9 }) }],
  ['by Hyperband, up to the limit of its budget', { scheduler: hyperband({ max: 9 }), budget: { trials: 20 } }],
  [
    'by a sampler that learns, after guesses',
    { sampler: tpe(), scheduler: asha({ max: 9 }), guesses: [{ x: 0.3, kind: 'b', pace: 2 }] },
  ],
  ['as a population', { trials: 6, scheduler: population({ interval: 1, max: 12, size: 6 }) }],
])(
  'a study %s makes the same calls in several runs as in one, each from the checkpoints where they are',
  async (_, options) => {
    const whole = await study(options, Infinity);
    const parts = await study(options, 3);
    expect(whole.parts).toBe(1);
    expect(parts.parts).toBeGreaterThan(whole.calls.length / 4);
    expect(parts.calls).toEqual(whole.calls);
    expect(parts.found).toEqual(whole.found);
    expect(parts.told).toEqual(whole.told);
  },
);
