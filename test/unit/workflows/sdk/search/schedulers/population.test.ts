import { describe, expect, it } from 'vitest';
import { openScheduler } from '../../../../../../workflows/sdk/search/schedulers/open-scheduler.js';
import { population } from '../../../../../../workflows/sdk/search/schedulers/population.js';
import { brief, noisy, play, type Played } from './play.js';

describe('population-based training', () => {
  it('trains all members in parts, the last one shorter, and the worst quarter takes over from the best', () => {
    const scheduler = openScheduler(population({ interval: 2, max: 5, size: 4 }), 4);
    const { begun } = play(scheduler, {
      slots: 1,
      seed: 1,
      value: (trial, rung) => [0.4, 0.1, 0.3, 0.2][(trial + rung) % 4],
    });
    expect(begun.map(brief)).toEqual([
      ...['0@2', '1@2', '2@2', '3@2'],
      ...['0@4', '1@4 from 0/0', '2@4', '3@4'],
      // Second values 0.1, 0.3, 0.2, 0.4.
      ...['0@5 from 3/1', '1@5', '2@5', '3@5'],
    ]);
  });

  it('lets exactly the share take over that was asked for', () => {
    const rule = population({ interval: 1, max: 2, size: 100, quantile: 0.07 });
    const { begun } = play(openScheduler(rule, 100), { slots: 1, seed: 1, value: (trial) => trial });
    const takeOvers = begun.flatMap((move) => (move.kind === 'continue' && move.exploit !== undefined ? [move] : []));
    expect(takeOvers.map(({ trial }) => trial)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const { exploit } of takeOvers) expect(exploit?.trial).toBeGreaterThanOrEqual(93);
  });

  it('compares a member with those that have come as far, when it goes on', () => {
    const scheduler = openScheduler(population({ interval: 1, max: 3, size: 3 }), 3);
    const next = () => brief(scheduler.next());
    expect([next(), next(), next(), next()]).toEqual(['0@1', '1@1', '2@1', 'wait']);
    scheduler.ended({ trial: 2, rung: 0, value: 0.2 });
    // Alone so far, it has nobody to take over from, nor has it later, when it is ahead.
    expect([next(), next()]).toEqual(['2@2', 'wait']);
    scheduler.ended({ trial: 2, rung: 1, value: 0.1 });
    scheduler.ended({ trial: 0, rung: 0, value: 0.1 });
    expect([next(), next(), next()]).toEqual(['0@2 from 2/0', '2@3', 'wait']);
    scheduler.ended({ trial: 1, rung: 0, value: 0.2 });
    expect(next()).toBe('1@2');
    scheduler.ended({ trial: 0, rung: 1, value: 0.1 });
    // As good as the other one: nothing to gain.
    expect([next(), next()]).toEqual(['0@3', 'wait']);
  });

  it('lets a failed member take over from a good one, waits for one, and lets it die where none comes', () => {
    const scheduler = openScheduler(population({ interval: 1, max: 2, size: 3 }), 3);
    const next = () => brief(scheduler.next());
    expect([next(), next(), next()]).toEqual(['0@1', '1@1', '2@1']);
    scheduler.ended({ trial: 0, rung: 0 });
    expect(next()).toBe('wait');
    scheduler.ended({ trial: 2, rung: 0, value: -5 });
    expect([next(), next(), next()]).toEqual(['0@2 from 2/0', '2@2', 'wait']);
    scheduler.ended({ trial: 1, rung: 0, value: Number.NaN });
    expect(next()).toBe('1@2 from 2/0');
    const dead = openScheduler(population({ interval: 1, max: 2, size: 2 }), 2);
    expect(play(dead, { slots: 2, seed: 1, value: () => undefined }).begun.map(brief)).toEqual(['0@1', '1@1']);
  });

  it('takes over only from a better value at the same budget that was among the best, and always where it is worst', () => {
    const donors = new Set<number>();
    const wrong: unknown[] = [];
    for (let seed = 0; seed < 24; seed++) {
      const rule = { interval: 1, max: 4, size: 2 + seed, quantile: [0.1, 0.25, 0.5][seed % 3] ?? 0 };
      const look = (move: Parameters<typeof brief>[0], { ends }: Played) => {
        if (move.kind !== 'continue') return;
        const peers = ends.filter(({ rung }) => rung === move.rung - 1);
        peers.sort((a, b) => (b.value ?? -1) - (a.value ?? -1) || a.trial - b.trial);
        const few = Math.min(Math.ceil(peers.length * rule.quantile), Math.floor(peers.length / 2));
        const own = peers.findIndex(({ trial }) => trial === move.trial);
        const best = peers.slice(0, Math.max(few, 1)).filter(({ value = -1 }) => value > (peers[own]?.value ?? -1));
        const takesOver = (own >= peers.length - few || peers[own]?.value === undefined) && best.length > 0;
        const donor = best.findIndex(({ trial, rung }) => move.exploit?.trial === trial && move.exploit.rung === rung);
        if ((move.exploit !== undefined) !== takesOver || (takesOver && donor === -1)) wrong.push(move);
        donors.add(donor);
      };
      const study = { slots: 1 + (seed % 9), seed, value: noisy(seed, seed % 4 === 0 ? 0.3 : 0), look };
      play(openScheduler(population(rule), rule.size), study);
    }
    expect(wrong).toEqual([]);
    expect(donors.size).toBeGreaterThan(4);
  });
});
