import type { Standing } from './contest.js';
import { type BenchRow, median, pairwise, spread } from './report.js';

export interface Goal {
  /** Such as `the fastest peer server`. */
  readonly than: string;
  readonly among: (standing: Standing) => boolean;
  /** What the best of them takes is at least so many times ours. */
  readonly atLeast?: number;
  /** Ours is at most so many times what the best of them takes. */
  readonly atMost?: number;
  readonly of?: 'ms' | 'mb';
  /** Ours in another way: its name. */
  readonly variant?: string;
}

export const isRaw = ({ contestant }: Standing) => contestant.kind === 'raw';
export const isServer = ({ contestant }: Standing) => contestant.kind === 'server';
export const isPeer = ({ contestant }: Standing) => ['server', 'library'].includes(contestant.kind);
const isOurs = ({ contestant }: Standing) => contestant.kind === 'ours';

/** What each contestant took, and how many times ours that is. */
export function timeRows(title: string, standings: readonly Standing[]): BenchRow[] {
  return figureRows(title, standings, 'ms', 'ms');
}

export function memoryRows(title: string, standings: readonly Standing[]): BenchRow[] {
  return figureRows(title, standings, 'mb', 'MB');
}

function figureRows(title: string, standings: readonly Standing[], of: 'ms' | 'mb', unit: string): BenchRow[] {
  const ours = standings.find(isOurs);
  return standings.map((standing) => {
    const name = `${title}, ${standing.contestant.name}`;
    const values = standing[of];
    if (values.length === 0) return { name, failed: standing.failed ?? 'it took no turn' };
    const row = { name, value: median(values), unit, spread: spread(values) };
    const ratio =
      ours === undefined || ours[of].length === 0 || isOurs(standing) ? {} : { ratio: pairwise(values, ours[of]) };
    const { how } = standing.contestant;
    const note = standing.failed === undefined ? how : `${how}; ${values.length} runs: ${standing.failed}`;
    const peer = isRaw(standing) || isPeer(standing) ? { peer: true as const } : {};
    return { ...row, ...ratio, ...peer, note };
  });
}

/** One row a goal, with the ratio to the best of those that it names. */
export function goalRows(title: string, standings: readonly Standing[], goals: readonly Goal[]): BenchRow[] {
  return goals.map(({ than, among, atLeast, atMost, of = 'ms', variant }) => {
    const ours = standings.find((one) => (variant === undefined ? isOurs(one) : one.contestant.name === variant));
    const own = variant ?? 'ours';
    const ratioOf = atMost === undefined ? `${than} ÷ ${own}` : `${own} ÷ ${than}`;
    const name = `${title}, ${of === 'ms' ? 'time' : 'memory'}, ${ratioOf}`;
    const those = standings.filter((standing) => among(standing));
    const [best] = those.filter((one) => one[of].length > 0).sort((a, b) => median(a[of]) - median(b[of]));
    if (ours === undefined || ours[of].length === 0 || best === undefined) {
      return { name, failed: [ours, ...those].flatMap((one) => one?.failed ?? []).join('; ') };
    }
    if (atMost === undefined) return against(name, pairwise(best[of], ours[of]), '≥', atLeast ?? 1);
    return against(name, pairwise(ours[of], best[of]), '≤', atMost);
  });
}

function against(name: string, value: number, sign: '≥' | '≤', limit: number): BenchRow {
  return { name, value, unit: '×', goal: `${sign} ${limit}`, ok: sign === '≥' ? value >= limit : value <= limit };
}
