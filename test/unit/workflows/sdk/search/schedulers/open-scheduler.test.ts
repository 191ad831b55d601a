import { describe, expect, it } from 'vitest';
import type { Scheduler, SchedulerOptions } from '../../../../../../workflows/sdk/search/scheduler.js';
import { asha } from '../../../../../../workflows/sdk/search/schedulers/asha.js';
import { hyperband } from '../../../../../../workflows/sdk/search/schedulers/hyperband.js';
import { openScheduler } from '../../../../../../workflows/sdk/search/schedulers/open-scheduler.js';
import { population } from '../../../../../../workflows/sdk/search/schedulers/population.js';
import { successiveHalving } from '../../../../../../workflows/sdk/search/schedulers/successive-halving.js';
import { noisy, play, type Played, rungOf } from './play.js';

const max = 20;
const studies: readonly { readonly name: string; readonly open: () => Scheduler; readonly trials: number }[] = [
  ...[1, 7, 40].flatMap((trials) => [
    { name: `asha of ${trials}`, trials, open: () => openScheduler(asha({ max }), trials) },
    { name: `halving of ${trials}`, trials, open: () => openScheduler(successiveHalving({ max, eta: 2 }), trials) },
    { name: `hyperband of ${trials}`, trials, open: () => openScheduler(hyperband({ max, min: 2 }), trials) },
  ]),
  ...[2, 9].map((size) => ({
    name: `a population of ${size}`,
    trials: size,
    open: () => openScheduler(population({ interval: 3, max, size }), size),
  })),
];

describe.each(studies)('$name', ({ open, trials }) => {
  const all = [0, 0.3, 1].flatMap((failures, index) =>
    [1, 3, 50].map((slots) => {
      const study = { slots, seed: slots + index, value: noisy(slots * 7 + index, failures) };
      return play(open(), study);
    }),
  );

  it('ends, having started each trial once and continued it rung by rung, never past the highest budget', () => {
    for (const { begun, ends } of all) {
      expect(ends).toHaveLength(begun.length);
      const starts = begun.filter(({ kind }) => kind === 'start').map(({ trial }) => trial);
      expect(starts).toEqual(Array.from({ length: trials }, (_, trial) => trial));
      const isOrderly = starts.map((trial) => {
        const calls = begun.filter((call) => call.trial === trial);
        const isNext = calls.every((call, rung) => rungOf(call) === rung);
        const grows = calls.every(({ budget }, rung) => budget <= max && budget > (calls[rung - 1]?.budget ?? 0));
        return isNext && grows;
      });
      expect(isOrderly).not.toContain(false);
    }
  });

  it('brings a trial to the highest budget, unless all have failed', () => {
    for (const { begun, ends } of all) {
      const isTop = ends.some((end) => end.value !== undefined && budgetOf(begun, end) === max);
      const hasFailed = (trial: number) => ends.findLast((end) => end.trial === trial)?.value === undefined;
      const allFailed = Array.from({ length: trials }, (_, trial) => trial).every(hasFailed);
      expect(isTop || allFailed).toBe(true);
    }
  });

  it('comes to the same moves from the same history, whether or not it was asked while there was nothing to do', () => {
    for (const { events } of all) {
      const again = open();
      const moves = events.map((event) => ('begun' in event ? again.next() : again.ended(event.ended)));
      expect(moves).toEqual(events.map((event) => ('begun' in event ? event.begun : undefined)));
      expect([again.next(), again.next()]).toEqual([{ kind: 'done' }, { kind: 'done' }]);
    }
  });

  it('refuses the end of a call that is not open', () => {
    const scheduler = open();
    expect(() => scheduler.ended({ trial: 0, rung: 0, value: 1 })).toThrow('call 0 of trial 0');
    scheduler.next();
    expect(() => scheduler.ended({ trial: 0, rung: 1, value: 1 })).toThrow('call 1 of trial 0');
    expect(() => scheduler.ended({ trial: trials, rung: 0, value: 1 })).toThrow(`trial ${trials}`);
    scheduler.ended({ trial: 0, rung: 0, value: 1 });
    expect(() => scheduler.ended({ trial: 0, rung: 0, value: 1 })).toThrow('is not open');
  });
});

function budgetOf(begun: Played['begun'], { trial, rung }: { trial: number; rung: number }): number | undefined {
  return begun.find((call) => call.trial === trial && rungOf(call) === rung)?.budget;
}

describe('the options of a scheduler', () => {
  it('are data with the defaults filled in', () => {
    expect(asha({ max: 9 })).toEqual({ kind: 'asha', min: 1, max: 9, eta: 3 });
    expect(successiveHalving({ min: 2, max: 2, eta: 4 })).toEqual({
      kind: 'successive-halving',
      min: 2,
      max: 2,
      eta: 4,
    });
    expect(hyperband({ max: 81 })).toEqual({ kind: 'hyperband', min: 1, max: 81, eta: 3 });
    const rule = { interval: 2, max: 10, size: 8 };
    expect(population(rule)).toEqual({ kind: 'population', ...rule, quantile: 0.25 });
  });

  const members = { interval: 2, max: 10, size: 8 };
  it.each<[string, () => unknown, string]>([
    ['no options', () => asha(undefined as unknown as { max: number }), 'asha: the options are undefined'],
    ['no highest budget', () => asha({} as { max: number }), 'asha: max is undefined. Use a whole number from 1.'],
    ['a highest budget that is no number', () => asha({ max: Number.NaN }), 'asha: max is NaN'],
    ['an endless budget', () => hyperband({ max: Number.POSITIVE_INFINITY }), 'hyperband: max is Infinity'],
    ['half an epoch', () => asha({ max: 9.5 }), 'asha: max is 9.5'],
    ['a text for a number', () => asha({ max: '9' as unknown as number }), 'asha: max is "9"'],
    ['a first budget of 0', () => asha({ min: 0, max: 9 }), 'asha: min is 0'],
    [
      'a first budget above the highest',
      () => successiveHalving({ min: 10, max: 9 }),
      'min is 10. Use at most max, which is 9.',
    ],
    ['one in one', () => asha({ max: 9, eta: 1 }), 'asha: eta is 1. Use a whole number from 2.'],
    ['one in two and a half', () => hyperband({ max: 9, eta: 2.5 }), 'hyperband: eta is 2.5'],
    ['a field that is none', () => asha({ max: 9, etta: 3 } as { max: number }), 'Did you mean "eta"?'],
    ['an interval of 0', () => population({ ...members, interval: 0 }), 'population: interval is 0'],
    ['an interval above the highest budget', () => population({ ...members, interval: 11 }), 'which is 10'],
    ['a population of one', () => population({ ...members, size: 1 }), 'size is 1. Use a whole number from 2.'],
    ['a quantile of nobody', () => population({ ...members, quantile: 0 }), 'quantile is 0. Use a share above 0'],
    ['a quantile above half', () => population({ ...members, quantile: 0.51 }), 'quantile is 0.51'],
    ['a quantile that is no number', () => population({ ...members, quantile: Number.NaN }), 'quantile is NaN'],
    ['fewer trials than members', () => openScheduler(population(members), 7), 'The study has 7 trials'],
    ['what no maker made', () => openScheduler({ kind: 'asha', min: 1, max: 9, eta: 1 }, 9), 'asha: eta is 1'],
    [
      'an unknown kind',
      () => openScheduler({ kind: 'ahsa', min: 1, max: 9, eta: 3 } as unknown as SchedulerOptions, 9),
      'scheduler: kind is "ahsa". Use asha()',
    ],
  ])('refuse %s', (_, make, message) => {
    const code = expect.stringMatching(/^USER_OPTION_(INVALID|UNKNOWN)$/) as unknown;
    const refusal = { code, message: expect.stringContaining(message) as unknown };
    expect(make).toThrow(expect.objectContaining(refusal) as unknown as Error);
  });
});
