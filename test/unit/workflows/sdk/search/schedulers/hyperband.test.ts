import { describe, expect, it } from 'vitest';
import { asha } from '../../../../../../workflows/sdk/search/schedulers/asha.js';
import { hyperband } from '../../../../../../workflows/sdk/search/schedulers/hyperband.js';
import { openScheduler } from '../../../../../../workflows/sdk/search/schedulers/open-scheduler.js';
import { brief, noisy, play, rungOf } from './play.js';

/** Budgets with which so many trials start. */
function firstBudgets(max: number, trials: number): number[] {
  const scheduler = openScheduler(hyperband({ max }), trials);
  return Array.from({ length: trials }, () => {
    const move = scheduler.next();
    return move.kind === 'start' ? move.budget : 0;
  });
}

describe('Hyperband', () => {
  it('deals trials to its brackets in the proportions of the paper', () => {
    // R = 81, eta = 3: ⌈5 / (s + 1) · 3^s⌉ for s = 4 to 0.
    const sizes = { 1: 81, 3: 34, 9: 15, 27: 8, 81: 5 };
    const round = 143;
    const budgets = firstBudgets(81, 2 * round);
    for (const [budget, size] of Object.entries(sizes)) {
      const dealt = budgets.map((_, turn) => budgets.slice(0, turn + 1).filter((one) => one === Number(budget)).length);
      expect([dealt[round - 1], dealt[2 * round - 1]]).toEqual([size, 2 * size]);
      // Never a whole turn ahead of its share.
      expect(dealt.filter((count, turn) => count >= ((turn + 1) * size) / round + 1)).toEqual([]);
    }
    expect(budgets.slice(0, 8)).toEqual([1, 3, 1, 9, 1, 3, 1, 1]);
    expect(firstBudgets(2, 3)).toEqual([1, 2, 1]);
  });

  it('runs ASHA in each bracket as if it were alone', () => {
    const value = noisy(3, 0.2);
    const { begun, events } = play(openScheduler(hyperband({ max: 27 }), 60), { slots: 5, seed: 3, value });
    const starts = begun.filter(({ kind }) => kind === 'start');
    for (const min of [1, 3, 9, 27]) {
      const own = starts.filter(({ budget }) => budget === min).map(({ trial }) => trial);
      const alone = openScheduler(asha({ min, max: 27 }), own.length);
      for (const event of events) {
        const { trial } = 'begun' in event ? event.begun : event.ended;
        if (!own.includes(trial)) continue;
        if ('ended' in event) alone.ended({ ...event.ended, trial: own.indexOf(trial) });
        else expect(alone.next()).toEqual({ ...event.begun, trial: own.indexOf(trial) });
      }
      expect(alone.next()).toEqual({ kind: 'done' });
    }
  });

  it('ends with a trial at the highest budget in every bracket that has one', () => {
    const { begun } = play(openScheduler(hyperband({ max: 9 }), 4), { slots: 2, seed: 1, value: (trial) => trial });
    const starts = begun.filter(({ kind }) => kind === 'start');
    expect(starts.map(brief)).toEqual(['0@1', '1@3', '2@1', '3@9']);
    const atTop = begun.filter(({ budget }) => budget === 9).map(({ trial }) => trial);
    expect(new Set(atTop)).toEqual(new Set([1, 2, 3]));
    expect(Math.max(...begun.map(rungOf))).toBe(2);
  });
});
