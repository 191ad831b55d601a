import { evertrain, evertrainLight, rawSdk } from '../runs/systems.js';
import { goalRows, isPeer, timeRows } from '../support/contest-rows.js';
import { type Contestant, hold, type Standing } from '../support/contest.js';
import { peerContestants } from '../support/peers.js';
import { type Bench, type BenchRow, median } from '../support/report.js';
import { installRuntime } from '../../worker/log.js';

const goalSteps = 1_000;
/** As many activities as a run may have open on the engine; by hand, a larger fan-out stands still. */
const rawSteps = 2_000;

/** Who takes so many times as long as ours is not asked for more; below the goal's size they may take 100 times. */
const tooSlow = 10;

/** Many short steps at once, normal and light. A peer that failed at a size is not asked for a larger one. */
export const bench: Bench = async (say, { smoke, large }) => {
  installRuntime('ERROR');
  const sizes = smoke ? [5, 10] : [100, goalSteps, ...(large ? [10_000, 100_000] : [])];
  const rows: BenchRow[] = [];
  const costs = new Map<number, readonly Standing[]>();
  let contestants = [evertrain, evertrainLight, rawSdk, ...peerContestants(say)];
  for (const steps of sizes) {
    const title = `fan-out of ${steps.toLocaleString('en')}`;
    const warmUp = { name: 'fan-out', size: Math.min(steps, 100) } as const;
    const rounds = smoke || steps > 10_000 ? 1 : steps > goalSteps ? 3 : 5;
    const able = contestants.filter((one) => one !== rawSdk || steps <= rawSteps);
    const work = { name: 'fan-out', size: steps } as const;
    const standings = await hold(able, { title, rounds, warmUp, work, minutes: 10 }, say);
    rows.push(...timeRows(title, standings));
    if (steps > rawSteps) rows.push({ name: `${title}, raw SDK`, failed: 'a run may have 2,000 activities open' });
    if (steps === goalSteps || smoke) {
      const peers = { than: 'the fastest peer', among: isPeer, atLeast: 3 };
      rows.push(...goalRows(title, standings, [peers, { ...peers, variant: evertrainLight.name }]));
    }
    costs.set(steps, standings);
    for (const { contestant, failed, ms } of standings) {
      const times = ms.length === 0 ? 0 : median(ms) / median(standingOf(standings, evertrain)?.ms ?? ms);
      if (failed === undefined && times < (steps < goalSteps ? 100 : tooSlow)) continue;
      contestants = contestants.filter((one) => one !== contestant);
      const why = failed ?? `it took ${times.toFixed(0)} times ours for ${steps.toLocaleString('en')}`;
      for (const more of sizes.filter((size) => size > steps && contestant !== rawSdk)) {
        rows.push({ name: `fan-out of ${more.toLocaleString('en')}, ${contestant.name}`, failed: `not asked: ${why}` });
      }
    }
  }
  const [last = 0, first = 0] = [sizes.at(-1), smoke ? sizes[0] : goalSteps];
  if (!large && !smoke) return rows;
  return [...rows, ...[evertrain, evertrainLight].map((one) => growth(one, costs, first, last))];
};

function standingOf(standings: readonly Standing[], contestant: Contestant): Standing | undefined {
  return standings.find((standing) => standing.contestant === contestant);
}

function growth(
  one: Contestant,
  costs: ReadonlyMap<number, readonly Standing[]>,
  first: number,
  last: number,
): BenchRow {
  const sizes = `${last.toLocaleString('en')} ÷ of ${first.toLocaleString('en')}`;
  const name = `cost of a step in a fan-out of ${sizes}, ${one.name}`;
  const [many, few] = [last, first].map((steps) =>
    (standingOf(costs.get(steps) ?? [], one)?.ms ?? []).map((ms) => ms / steps),
  ) as [number[], number[]];
  if (many.length === 0 || few.length === 0) return { name, failed: 'it failed at one of the sizes' };
  const value = median(many) / median(few);
  return { name, value, unit: '×', goal: '≤ 1.3', ok: value <= 1.3 };
}
