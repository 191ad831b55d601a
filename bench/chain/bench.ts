import { evertrain, rawSdk } from '../runs/systems.js';
import { goalRows, isRaw, isServer, timeRows } from '../support/contest-rows.js';
import { hold, type Standing } from '../support/contest.js';
import { isAirflow, peerContestants } from '../support/peers.js';
import { type Bench, type BenchRow, median } from '../support/report.js';
import { installRuntime } from '../../worker/log.js';

/** Short steps in a row: what a step costs, in ours, by hand on the SDK and in the peers. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const steps = smoke ? 3 : 40;
  const title = `chain of ${steps}`;
  const work = { name: 'chain', size: steps } as const;
  const contest = { title, rounds: smoke ? 1 : 5, warmUp: work, work, minutes: 15 };
  const standings = await hold([evertrain, rawSdk, ...peerContestants(say)], contest, say);
  const light = { name: 'light chain', size: steps } as const;
  const inLight = { ...contest, title: `${title} light steps`, warmUp: light, work: light };
  const lightStandings = await hold([evertrain, rawSdk], inLight, say);
  return [
    ...timeRows(title, standings),
    ...goalRows(title, standings, [
      { than: 'raw SDK', among: isRaw, atMost: 1.15 },
      { than: 'the fastest peer server', among: isServer, atLeast: 2 },
      { than: 'Airflow', among: isAirflow, atLeast: 30 },
    ]),
    ...timeRows(inLight.title, lightStandings),
    ...lightStandings.filter(({ contestant }) => contestant === evertrain).map((ours) => aStep(ours, steps)),
  ];
};

function aStep({ ms }: Standing, steps: number): BenchRow {
  const value = median(ms) / steps;
  return { name: 'a light step', value, unit: 'ms', goal: '≤ 5 ms', ok: value <= 5 };
}
