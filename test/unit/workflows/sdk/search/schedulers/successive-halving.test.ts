import { describe, expect, it } from 'vitest';
import { openScheduler } from '../../../../../../workflows/sdk/search/schedulers/open-scheduler.js';
import { successiveHalving } from '../../../../../../workflows/sdk/search/schedulers/successive-halving.js';
import { brief, noisy, play, type Study } from './play.js';

const played = (trials: number, study: Study) =>
  play(openScheduler(successiveHalving({ max: 9 }), trials), study).begun.map(brief);

describe('synchronous successive halving', () => {
  it('promotes the best third of a rung when all calls on it have ended', () => {
    const scheduler = openScheduler(successiveHalving({ max: 9 }), 7);
    const next = (count: number) => Array.from({ length: count }, () => brief(scheduler.next()));
    expect(next(8)).toEqual(['0@1', '1@1', '2@1', '3@1', '4@1', '5@1', '6@1', 'wait']);
    for (const trial of [6, 5, 4, 3, 2, 1]) scheduler.ended({ trial, rung: 0, value: trial });
    expect(next(1)).toEqual(['wait']);
    scheduler.ended({ trial: 0, rung: 0, value: 5.5 });
    expect(next(3)).toEqual(['6@3', '0@3', 'wait']);
    scheduler.ended({ trial: 0, rung: 1, value: 9 });
    expect(next(1)).toEqual(['wait']);
    scheduler.ended({ trial: 6, rung: 1, value: 8 });
    expect(next(2)).toEqual(['0@9', 'wait']);
    scheduler.ended({ trial: 0, rung: 2, value: 1 });
    expect(next(2)).toEqual(['done', 'done']);
  });

  it('puts the next best in where all on a rung have failed', () => {
    const value = (trial: number, rung: number) => (rung > 0 && trial > 1 ? undefined : trial);
    expect(played(6, { slots: 6, seed: 1, value }).slice(6)).toEqual(['5@3', '4@3', '3@3', '2@3', '1@3', '1@9']);
  });

  it('decides by values alone: neither the order of ends nor the number of slots changes a move', () => {
    for (const [seed, trials] of [1, 2, 8, 27, 50].entries()) {
      for (const failures of [0, 0.3]) {
        const value = noisy(seed, failures);
        const orders = [1, 4, 50].map((slots) => played(trials, { slots, seed: slots * 31 + seed, value }));
        expect(orders[1]).toEqual(orders[0]);
        expect(orders[2]).toEqual(orders[0]);
      }
    }
  });
});
