import { describe, expect, it } from 'vitest';
import { table } from '../../../bench/all/table.js';
import { goalRows, isPeer, isServer, timeRows } from '../../../bench/support/contest-rows.js';
import type { Contestant, Standing } from '../../../bench/support/contest.js';

function standing(name: string, kind: Contestant['kind'], ms: readonly number[], failed?: string): Standing {
  const contestant = { name, kind, how: 'as installed', open: () => Promise.reject(new Error('not here')) };
  return { contestant, ms, mb: ms, ...(failed === undefined ? {} : { failed }) };
}

const standings = [
  standing('Evertrain', 'ours', [10, 20, 10]),
  standing('slow', 'server', [100, 100, 100]),
  standing('quick', 'library', [30, 40], 'out of memory'),
  standing('broken', 'server', [], 'cannot be installed'),
];

describe('rows of a contest', () => {
  it('compare each with ours of the same round, and keep what failed with its reason', () => {
    const [ours, slow, quick, broken] = timeRows('chain', standings);
    expect(ours).toMatchObject({ value: 10, spread: [10, 20] });
    expect(ours).not.toHaveProperty('ratio');
    expect(slow).toMatchObject({ ratio: 10, note: 'as installed' });
    expect(quick).toMatchObject({ ratio: 2.5, note: 'as installed; 2 runs: out of memory' });
    expect(broken).toEqual({ name: 'chain, broken', failed: 'cannot be installed' });
  });

  it('hold ours against the fastest of those that a goal names', () => {
    const goals = [
      { than: 'the fastest peer', among: isPeer, atLeast: 3 },
      { than: 'the fastest server', among: isServer, atLeast: 3 },
      { than: 'the fastest server', among: isServer, atMost: 0.05 },
    ];
    expect(goalRows('chain', standings, goals)).toMatchObject([
      { value: 2.5, goal: '≥ 3', ok: false },
      { value: 10, ok: true },
      { value: 0.1, goal: '≤ 0.05', ok: false },
    ]);
  });

  it('say why where there is nothing to compare with', () => {
    const none = standings.filter(({ contestant }) => ['Evertrain', 'broken'].includes(contestant.name));
    const [row] = goalRows('chain', none, [{ than: 'the fastest peer', among: isPeer, atLeast: 3 }]);
    expect(row).toMatchObject({ failed: 'cannot be installed' });
  });

  it('stand in the table one a line, those that failed too', () => {
    const report = { bench: 'chain', date: '2026-01-01', machine: 'two cores', rows: timeRows('chain', standings) };
    const lines = table([report]).split('\n');
    expect(lines[0]).toBe('2026-01-01, two cores');
    expect(lines).toContain('| chain | chain, slow | 100 ms | 100–100 | 10 |  |  | as installed |');
    expect(lines).toContain('| chain | chain, broken | failed |  |  |  |  | cannot be installed |');
  });
});
