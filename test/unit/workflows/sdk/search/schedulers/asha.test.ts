import { describe, expect, it } from 'vitest';
import type { Move } from '../../../../../../workflows/sdk/search/scheduler.js';
import { asha } from '../../../../../../workflows/sdk/search/schedulers/asha.js';
import { openScheduler } from '../../../../../../workflows/sdk/search/schedulers/open-scheduler.js';
import { brief, noisy, play, type Played, rungOf } from './play.js';

describe('asynchronous successive halving', () => {
  it('promotes whoever is among the best third of a rung, one call at a time', () => {
    const values = [0.1, 0.5, 0.3, 0.9, 0.2, 0.4, 0.8, 0.7, 0.6];
    const { begun } = play(openScheduler(asha({ max: 9 }), 9), {
      slots: 1,
      seed: 1,
      value: (trial) => values[trial],
    });
    expect(begun.map(brief)).toEqual([
      ...['0@1', '1@1', '2@1', '1@3'], // The best of three.
      ...['3@1', '3@3'], // The best of four; trial 1 is no longer, but has gone on.
      ...['4@1', '5@1', '6@1', '6@3'], // Two of seven may: 3 has, 6 is the second.
      '3@9', // The best of three on the second rung comes before new trials.
      ...['7@1', '8@1', '7@3'], // Three of nine: 3, 6 and 7.
    ]);
  });

  it('does not wait for stragglers', () => {
    const scheduler = openScheduler(asha({ max: 9 }), 5);
    const next = (count: number) => Array.from({ length: count }, () => brief(scheduler.next()));
    expect(next(4)).toEqual(['0@1', '1@1', '2@1', '3@1']);
    for (const trial of [3, 1]) scheduler.ended({ trial, rung: 0, value: trial });
    expect(next(2)).toEqual(['4@1', 'wait']);
    scheduler.ended({ trial: 2, rung: 0, value: 2 });
    expect(next(2)).toEqual(['3@3', 'wait']);
    scheduler.ended({ trial: 4, rung: 0, value: 4 });
    expect(next(2)).toEqual(['4@3', 'wait']);
  });

  it('prefers the lower trial number of two equal values', () => {
    const value = () => 0.5;
    const { begun } = play(openScheduler(asha({ max: 2, eta: 2 }), 4), { slots: 4, seed: 7, value });
    expect(begun.map(brief).slice(4)).toEqual([expect.stringMatching(/@2$/), expect.stringMatching(/@2$/)]);
    const late = openScheduler(asha({ max: 2, eta: 2 }), 2);
    expect([late.next(), late.next()].map(brief)).toEqual(['0@1', '1@1']);
    for (const trial of [1, 0]) late.ended({ trial, rung: 0, value: 0.5 });
    expect(brief(late.next())).toBe('0@2');
  });

  it('counts a failure as the worst value of its rung: it makes room for others and never goes on', () => {
    const scheduler = openScheduler(asha({ max: 3 }), 7);
    for (let trial = 0; trial < 6; trial++) scheduler.next();
    for (const trial of [0, 1]) scheduler.ended({ trial, rung: 0 });
    scheduler.ended({ trial: 2, rung: 0, value: Number.NaN });
    expect(brief(scheduler.next())).toBe('6@1');
    scheduler.ended({ trial: 3, rung: 0, value: -1e9 });
    expect(brief(scheduler.next())).toBe('3@3');
  });

  it('ends with a trial at the highest budget, however few there are, and takes the next best where it fails', () => {
    const one = play(openScheduler(asha({ max: 27 }), 1), { slots: 4, seed: 1, value: () => 0 });
    expect(one.begun.map(brief)).toEqual(['0@1', '0@3', '0@9', '0@27']);
    const two = play(openScheduler(asha({ max: 9 }), 2), {
      slots: 1,
      seed: 1,
      value: (trial, rung) => (trial === 1 && rung === 2 ? undefined : trial),
    });
    expect(two.begun.map(brief)).toEqual(['0@1', '1@1', '1@3', '1@9', '0@3', '0@9']);
    const none = play(openScheduler(asha({ max: 9 }), 3), { slots: 2, seed: 1, value: () => undefined });
    expect(none.begun.map(brief)).toEqual(['0@1', '1@1', '2@1']);
  });

  it('decides like Algorithm 2 of the paper, worked out anew from the whole history at each step', () => {
    for (let seed = 0; seed < 30; seed++) {
      const eta = 2 + (seed % 3);
      const rule = { min: 1 + (seed % 2), max: 10 + 7 * (seed % 5), eta, trials: 1 + ((seed * 7) % 40) };
      const { trials, ...options } = rule;
      const value = noisy(seed, [0, 0.2, 0.8][seed % 3] ?? 0);
      const moves: Move[] = [];
      const expected: Move[] = [];
      const look = (move: Move, before: Played, open: number) => {
        moves.push(move);
        expected.push(algorithm2(rule, before, open));
      };
      play(openScheduler(asha(options), trials), { slots: 1 + (seed % 7), seed, value, look });
      expect(moves).toEqual(expected);
    }
  });
});

interface Rule {
  readonly min: number;
  readonly max: number;
  readonly eta: number;
  readonly trials: number;
}

function algorithm2({ min, max, eta, trials }: Rule, { begun, ends }: Played, open: number): Move {
  const budgets = Array.from({ length: 60 }, (_, rung) => Math.min(min * eta ** rung, max));
  const top = budgets.indexOf(max);
  const rungs = budgets.slice(0, top + 1).map((_, rung) => {
    const ended = ends.filter((end) => end.rung === rung);
    ended.sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity) || a.trial - b.trial);
    const isPaused = (trial: number) => !begun.some((call) => call.trial === trial && rungOf(call) === rung + 1);
    return {
      rung,
      candidates: ended.slice(0, Math.floor(ended.length / eta)).filter(({ trial }) => isPaused(trial)),
      paused: ended.filter(({ trial, value }) => value !== undefined && isPaused(trial)),
    };
  });
  const goOn = (found: (typeof rungs)[number] | undefined, among: 'candidates' | 'paused'): Move[] =>
    (found?.[among] ?? [])
      .filter(({ value }) => value !== undefined)
      .slice(0, 1)
      .map(({ trial, rung }) => ({ kind: 'continue', trial, rung: rung + 1, budget: budgets[rung + 1] ?? 0 }));
  const below = rungs.slice(0, top).reverse();
  const promotions = below.flatMap((rung) => goOn(rung, 'candidates'));
  if (promotions[0] !== undefined) return promotions[0];
  const started = begun.filter(({ kind }) => kind === 'start').length;
  if (started < trials) return { kind: 'start', trial: started, budget: budgets[0] ?? 0 };
  if (open > 0) return { kind: 'wait' };
  if (ends.some(({ rung, value }) => rung === top && value !== undefined)) return { kind: 'done' };
  const last = below.flatMap((rung) => goOn(rung, 'paused'))[0];
  return last ?? { kind: 'done' };
}
