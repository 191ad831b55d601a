import { evertrain } from '../runs/systems.js';
import { goalRows, isPeer, timeRows } from '../support/contest-rows.js';
import { hold } from '../support/contest.js';
import { peerContestants } from '../support/peers.js';
import type { Bench } from '../support/report.js';
import { installRuntime } from '../../worker/log.js';

/** Short Python steps in a row: each a job of its own in ours, through the warm host. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const steps = smoke ? 3 : 40;
  const title = `chain of ${steps} Python steps`;
  const work = { name: 'Python chain', size: steps } as const;
  const contest = { title, rounds: smoke ? 1 : 5, warmUp: work, work, minutes: 15 };
  const standings = await hold([evertrain, ...peerContestants(say)], contest, say);
  return [
    ...timeRows(title, standings),
    ...goalRows(title, standings, [{ than: 'the fastest peer', among: isPeer, atLeast: 1 }]),
  ];
};
