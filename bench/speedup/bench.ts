import { fileURLToPath } from 'node:url';
import type { Evertrain } from '../../client/evertrain.js';
import { installRuntime } from '../../worker/log.js';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import { timeRows } from '../support/contest-rows.js';
import { type Contestant, hold } from '../support/contest.js';
import { opened, openOurs, timed } from '../support/open-ours.js';
import type { Bench, BenchRow } from '../support/report.js';
import { digitsTable, forests, shakyRun } from './contracts.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * What running side by side brings a training of eight forests, on one worker and on two; and what retries bring where
 * one attempt of ten fails.
 */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const size = smoke ? 2 : 8;
  const title = `training of ${size} forests`;
  const work = { name: 'forests', size } as const;
  const contest = { title, rounds: smoke ? 1 : 5, warmUp: { ...work, size: 2 }, work, minutes: 15 };
  const standings = await hold(ways, contest, say);
  return [...timeRows(title, standings), ...(await successRates(smoke ? 10 : 200))];
};

/** Ratios are to the first of these, so a smaller one is the faster. */
const ways: readonly Contestant[] = [
  way('one after the other', 'ours', 'one worker', { workers: 1, slots: 1 }),
  way('two at a time, one worker', 'variant', 'one worker of two slots', { workers: 1, slots: 2 }),
  way('two at a time, two workers', 'variant', 'two workers of one slot', { workers: 2, slots: 1 }),
];

function way(
  name: string,
  kind: Contestant['kind'],
  how: string,
  { workers, slots }: { readonly workers: number; readonly slots: number },
): Contestant {
  return {
    ...{ name, kind, how },
    open: () =>
      opened(here, async ({ engine, evertrain, worker }) => {
        const pids = [engine.pid];
        for (let n = 0; n < workers; n++)
          pids.push((await worker({ queues: { [defaultQueue]: {}, cpu: { slots } } })).pid);
        const { digits } = await made(evertrain);
        const atMost = workers * slots;
        return { pids, run: ({ size }) => timed(evertrain, forests, { digits, count: size, atMost }) };
      }),
  };
}

async function made(evertrain: Evertrain) {
  const result = await evertrain.execute(digitsTable, undefined, { provenance: false });
  if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
  return result.output;
}

async function successRates(runs: number): Promise<BenchRow[]> {
  const { engine, evertrain, worker } = await openOurs(here);
  try {
    await worker();
    const rows: BenchRow[] = [];
    for (const retries of [false, true]) {
      const started = await Promise.all(
        Array.from({ length: runs }, (_, of) => evertrain.start(shakyRun, { of, retries }, { provenance: false })),
      );
      const ended = await Promise.allSettled(started.map((run) => run.result()));
      const done = ended.filter((one) => one.status === 'fulfilled' && one.value.outcome === 'completed').length;
      const name = `runs of 5 steps that complete, 10 % of attempts fail, ${retries ? 'three attempts' : 'no retries'}`;
      rows.push({ name, value: (100 * done) / runs, unit: '%' });
    }
    return rows;
  } finally {
    await engine.close();
  }
}
