import { installRuntime } from '../../worker/log.js';
import { evertrain, rawSdk } from '../runs/systems.js';
import { goalRows, isRaw, timeRows } from '../support/contest-rows.js';
import { hold } from '../support/contest.js';
import type { Bench } from '../support/report.js';

/** Many short runs at once on one worker. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const size = smoke ? 10 : 200;
  const title = `${size} runs of 3 steps at once`;
  const work = { name: 'runs', size } as const;
  const standings = await hold(
    [evertrain, rawSdk],
    { title, rounds: smoke ? 1 : 5, warmUp: work, work, minutes: 15 },
    say,
  );
  return [
    ...timeRows(title, standings),
    ...goalRows(title, standings, [{ than: 'raw SDK', among: isRaw, atLeast: 0.87 }]),
  ];
};
