import { evertrain, rawSdk } from '../runs/systems.js';
import { goalRows, isPeer, timeRows } from '../support/contest-rows.js';
import { hold, type Standing } from '../support/contest.js';
import { peerContestants } from '../support/peers.js';
import { type Bench, type BenchRow, pairwise } from '../support/report.js';
import { installRuntime } from '../../worker/log.js';

const goalSteps = 1_000;
/** As many activities as a run may have open on the engine; by hand, a larger fan-out stands still. */
const rawSteps = 2_000;

/** Many short steps at once. A peer that failed at a size is not asked for a larger one. */
export const bench: Bench = async (say, { smoke, large }) => {
  installRuntime('ERROR');
  const sizes = smoke ? [5, 10] : [100, goalSteps, ...(large ? [10_000, 100_000] : [])];
  const rows: BenchRow[] = [];
  const ours = new Map<number, readonly number[]>();
  let contestants = [evertrain, rawSdk, ...peerContestants(say)];
  for (const steps of sizes) {
    const title = `fan-out of ${steps.toLocaleString('en')}`;
    const warmUp = { name: 'fan-out', size: Math.min(steps, 100) } as const;
    const rounds = smoke || steps > 10_000 ? 1 : 5;
    const able = contestants.filter((one) => one !== rawSdk || steps <= rawSteps);
    const work = { name: 'fan-out', size: steps } as const;
    const minutes = steps > 10_000 ? 60 : 15;
    const standings = await hold(able, { title, rounds, warmUp, work, minutes }, say);
    rows.push(...timeRows(title, standings));
    if (steps > rawSteps) rows.push({ name: `${title}, raw SDK`, failed: 'a run may have 2,000 activities open' });
    if (steps === goalSteps || smoke) {
      rows.push(...goalRows(title, standings, [{ than: 'the fastest peer', among: isPeer, atLeast: 3 }]));
    }
    ours.set(steps, stepCosts(standings, steps));
    contestants = standings.filter(({ failed }) => failed === undefined).map(({ contestant }) => contestant);
  }
  const [last = 0, first = 0] = [sizes.at(-1), smoke ? sizes[0] : goalSteps];
  return large || smoke ? [...rows, growth(ours, first, last)] : rows;
};

/** Milliseconds a step, by round. */
function stepCosts(standings: readonly Standing[], steps: number): readonly number[] {
  return standings.find(({ contestant }) => contestant === evertrain)?.ms.map((ms) => ms / steps) ?? [];
}

function growth(costs: ReadonlyMap<number, readonly number[]>, first: number, last: number): BenchRow {
  const name = `cost of a step in a fan-out of ${last.toLocaleString('en')} ÷ of ${first.toLocaleString('en')}`;
  const [many, few] = [costs.get(last) ?? [], costs.get(first) ?? []];
  if (many.length === 0 || few.length === 0) return { name, failed: 'ours failed at one of the sizes' };
  const value = pairwise(many, few);
  return { name, value, unit: '×', goal: '≤ 1.3', ok: value <= 1.3 };
}
