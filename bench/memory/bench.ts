import { setTimeout as sleep } from 'node:timers/promises';
import type { Evertrain } from '../../client/evertrain.js';
import type { Run } from '../../client/run.js';
import { installRuntime } from '../../worker/log.js';
import { searchAttributes } from '../../workflows/sdk/protocol.js';
import { waits } from '../runs/contracts.js';
import { here } from '../runs/systems.js';
import { openOurs } from '../support/open-ours.js';
import { rssMb } from '../support/memory.js';
import type { Bench } from '../support/report.js';

const atOnce = 20;

/** Runs that wait for a person, all on one worker: what it holds as they become more; and that each still goes on. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const count = smoke ? 40 : 10_000;
  const { engine, evertrain, worker } = await openOurs(here);
  try {
    const { pid } = await worker();
    const none = rssMb(pid);
    const runs = await opened(evertrain, count / 2, 0);
    const half = rssMb(pid);
    say(`${count / 2} runs wait: ${half.toFixed(0)} MB`);
    runs.push(...(await opened(evertrain, count / 2, runs.length)));
    const all = rssMb(pid);
    say(`${count} runs wait: ${all.toFixed(0)} MB`);
    const goOn = await answered(runs.filter((_, place) => place % Math.ceil(count / 20) === 0));
    const waiting = `${count.toLocaleString('en')} runs waiting, worker's RSS`;
    const growth = all / half;
    return [
      { name: "no run, worker's RSS", value: none, unit: 'MB' },
      { name: waiting, value: all, unit: 'MB', ratio: all / none, goal: '≤ 1,000 MB', ok: all <= 1_000 },
      { name: `${waiting}, ÷ that of half as many`, value: growth, unit: '×', goal: '≤ 1.1', ok: growth <= 1.1 },
      { name: 'of those that were answered, gone on', value: goOn, unit: '%', goal: '100', ok: goOn === 100 },
    ];
  } finally {
    await engine.close();
  }
};

/** Starts so many more, and waits until all wait. */
async function opened(evertrain: Evertrain, count: number, before: number): Promise<Run<boolean>[]> {
  const runs: Run<boolean>[] = [];
  const places = Array.from({ length: count }).keys();
  const start = async () => {
    for (const place of places) runs[place] = await evertrain.start(waits, undefined, { provenance: false });
  };
  await Promise.all(Array.from({ length: atOnce }, start));
  const query = `${searchAttributes.waitingFor.name} IS NOT NULL`;
  while ((await evertrain.client.workflow.count(query)).count < before + count) await sleep(200);
  return runs;
}

async function answered(runs: readonly Run<boolean>[]): Promise<number> {
  let goneOn = 0;
  for (const run of runs) {
    await run.approve('go on?', { approved: true });
    const result = await run.result();
    if (result.outcome === 'completed') goneOn++;
  }
  return (100 * goneOn) / runs.length;
}
