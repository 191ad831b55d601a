import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '../../client/run.js';
import { objectExists } from '../../workflows/sdk/index.js';
import { effect, sensing } from '../fixtures/sensors/contracts.js';
import buildTree from '../support/build-tree.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { writeReport } from './report.js';

const full = { runs: 20, sensorsOfARun: 500, every: '4 minutes', mostMegabytes: 500 } as const;

/** What test/durability/sensors.test.ts does with 60 sensors, with 10,000. */
export async function soakSensors(seed: number): Promise<boolean> {
  const startedAt = new Date();
  // Its memory is measured: what is shipped, JavaScript, with the setting of the image.
  await buildTree();
  process.env['MALLOC_ARENA_MAX'] = '2';
  const failures: string[] = [];
  const fixture = await durableProject('sensors');
  try {
    const first = await fixture.worker();
    const folder = join(fixture.engine.dataDir, 'arrivals');
    await mkdir(folder);
    const paths = (n: number) => Array.from({ length: full.sensorsOfARun }, (_, m) => join(folder, `${n}-${m}`));
    const runs = await Promise.all(Array.from({ length: full.runs }, (_, n) => start(fixture, n, paths(n))));
    const began = performance.now();
    while ((await looksOf(runs)).some((looks) => looks < 1)) await sleep(5_000);
    const firstLooksMs = performance.now() - began;
    const waitingMb = memoryOf(first.pid, 'VmRSS');
    await first.kill();
    const second = await fixture.worker();
    const effectsBefore = Object.keys(fixture.effects.counts()).length;
    if (effectsBefore > 0) failures.push(`${effectsBefore} sensors fired before anything was there`);
    for (let n = 0; n < full.runs; n++) await Promise.all(paths(n).map((path) => writeFile(path, '')));
    await Promise.all(runs.map((run) => run.result()));
    const mostMb = Math.max(memoryOf(second.pid, 'VmHWM'), waitingMb);
    if (mostMb > full.mostMegabytes) failures.push(`a worker had ${mostMb} MB`);
    const views = await Promise.all(runs.map((run) => run.view()));
    let repeated = 0;
    for (const [n, { steps }] of views.entries()) {
      const fired = steps.filter(({ name }) => name === effect.name);
      // A step whose heartbeat the engine has not had in time is done again.
      const attempts = fired.reduce((sum, { attempt }) => sum + Number(attempt), 0);
      const count = fixture.effects.count(`run ${n}`);
      repeated += count - full.sensorsOfARun;
      if (fired.length !== full.sensorsOfARun || count < full.sensorsOfARun || count > attempts) {
        failures.push(`${fired.length} sensors of run ${n} fired, with ${count} effects in ${attempts} attempts`);
      }
    }
    writeReport({
      file: `sensors-seed-${seed}`,
      title: `Soak of sensors, seed ${seed}`,
      options: `--scenario sensors --seed ${seed}`,
      startedAt,
      text: `${full.runs * full.sensorsOfARun} sensors in ${full.runs} runs wait for a file each, with a look every ${full.every}. When all have looked once the worker is killed and another one started; then the files are written. Workers have two arenas of memory, as in the image (docs/scaling.md). Held are: each sensor fires once, and the step behind it has its effect, once an attempt at most, as the receiver counts; no worker has more than ${full.mostMegabytes} MB.`,
      counts: [
        ['sensors', full.runs * full.sensorsOfARun],
        ['seconds until all had looked once', Math.round(firstLooksMs / 1000)],
        ['MB of the worker while all waited', waitingMb],
        ['most MB of a worker while all fired', mostMb],
        ['effects repeated by steps that were tried again', repeated],
        ['events of a run, for each sensor with its step', Math.round((views[0]?.events ?? 0) / full.sensorsOfARun)],
      ],
      failures,
    });
    return failures.length === 0;
  } finally {
    await fixture.close();
  }
}

function start({ evertrain, effects }: DurableProject, n: number, paths: readonly string[]): Promise<Run> {
  const conditions = paths.map((path) => objectExists(path));
  const input = { effects: effects.url, key: `run ${n}`, conditions, options: { every: full.every } };
  return evertrain.start(sensing, input, { provenance: false });
}

/** The fewest looks of a run's sensors, by run. */
async function looksOf(runs: readonly Run[]): Promise<number[]> {
  const views = await Promise.all(runs.map((run) => run.view()));
  return views.map(({ steps }) => {
    const looks = steps.map((step) => (step.status === 'waiting' ? step.looks : 0));
    return looks.length < full.sensorsOfARun ? 0 : Math.min(...looks);
  });
}

/** Megabytes of a process, as Linux counts them: now (`VmRSS`), or at most so far (`VmHWM`). */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
