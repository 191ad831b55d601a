import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startEngine } from '../../worker/engine/start-engine.js';
import { installRuntime } from '../../worker/log.js';
import { copyDatabase } from '../../worker/maintenance/sqlite-database.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { chain } from '../overhead/contracts.js';
import { here } from '../runs/systems.js';
import { openOurs, timed } from '../support/open-ours.js';
import { type Bench, median, spread } from '../support/report.js';

/** The embedded engine on a large database: its start, and retention that ends for many runs at once. */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const size = smoke ? { runs: 2, due: 10, large: 20, starts: 1 } : { runs: 50, due: 200, large: 2_000, starts: 5 };
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const database = join(dataDir, 'temporal.db');
  const binary = (await ensureTemporal()).path;
  const start = () => startEngine({ dataDir, binary, uiPort: false });
  try {
    await firstRuns(size.runs, database);
    const due = python('copy_runs.py', database, String(size.due));
    python('retention.py', database, 'end');
    const engine = await start();
    const from = performance.now();
    while (python('retention.py', database, 'count') > 0) await sleep(1_000);
    const perSecond = (1_000 * due) / (performance.now() - from);
    await engine.stop();
    say(`the retention of ${due} runs ended`);
    await firstRuns(size.runs, database);
    const runs = python('copy_runs.py', database, String(size.large));
    const times: number[] = [];
    for (let n = 0; n < size.starts; n++) {
      const begin = performance.now();
      const again = await start();
      times.push(performance.now() - begin);
      await again.stop();
    }
    const value = median(times);
    const name = `start on ${size.large} MB, ${runs} runs`;
    return [
      { name: `runs removed whose retention has ended, of ${due} at once`, value: perSecond, unit: '/s' },
      { name, value, unit: 'ms', spread: spread(times), goal: '≤ 5,000 ms', ok: value <= 5_000 },
    ];
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
};

/** A database with so many runs of ten steps, all ended. */
async function firstRuns(count: number, database: string): Promise<void> {
  const { engine, evertrain, worker } = await openOurs(here);
  try {
    await worker();
    for (let n = 0; n < count; n++) await timed(evertrain, chain, { steps: 10 });
    for (const part of ['', '-wal', '-shm']) await rm(`${database}${part}`, { force: true });
    await copyDatabase(join(engine.dataDir, 'temporal.db'), database, 'python3');
  } finally {
    await engine.close();
  }
}

/** What the script prints. */
function python(script: string, ...argv: string[]): number {
  return Number(execFileSync('python3', [fileURLToPath(new URL(script, import.meta.url)), ...argv]));
}
