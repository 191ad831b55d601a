import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installRuntime } from '../../worker/log.js';
import { training } from '../runs/contracts.js';
import { here } from '../runs/systems.js';
import { type Ours, openOurs } from '../support/open-ours.js';
import { type Bench, median, spread } from '../support/report.js';

/** The epoch in which the worker is killed. */
const killedIn = 3;
const order = { epochs: 6, seconds: 0.5 };

/** The worker is killed in the middle of a training, and another one is started at once, as a supervisor would. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const pauses: number[] = [];
  const repeated: number[] = [];
  const ours = await openOurs(here);
  try {
    for (let round = 1; round <= (smoke ? 1 : 5); round++) {
      const { pauseMs, again } = await interrupted(ours, join(ours.engine.dataDir, `epochs-${round}`));
      say(`round ${round}: ${pauseMs.toFixed(0)} ms until work went on, ${again} epochs again`);
      pauses.push(pauseMs);
      repeated.push(again);
    }
  } finally {
    await ours.engine.close();
  }
  const most = Math.max(...repeated);
  return [
    {
      name: 'worker killed, another started at once: work goes on',
      value: median(pauses),
      unit: 'ms',
      spread: spread(pauses),
      note: 'a dead worker is noticed by its silence of 10 s, the default',
    },
    {
      name: 'epochs with a checkpoint that were trained again, most',
      value: most,
      unit: 'epochs',
      goal: '0',
      ok: most === 0,
    },
  ];
};

async function interrupted({ evertrain, worker }: Ours, file: string) {
  const first = await worker();
  const run = await evertrain.start(training, { ...order, file }, { provenance: false });
  await until(() => begun(file).length > killedIn);
  await first.kill();
  const [killedAt, before] = [Date.now(), begun(file).length];
  const second = await worker();
  const result = await run.result();
  if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
  await second.stop();
  const after = begun(file).slice(before);
  const again = after.filter(({ epoch }) => epoch < killedIn).length;
  return { pauseMs: (after[0]?.at ?? Number.NaN) - killedAt, again };
}

/** Milliseconds since 1970, by the training's clock. */
function begun(file: string): { readonly epoch: number; readonly at: number }[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => line.split(' ').map(Number)).map(([epoch = 0, at = 0]) => ({ epoch, at: at * 1_000 }));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(20);
}
