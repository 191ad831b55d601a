import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '../../client/run.js';
import { waiters } from '../fixtures/durability/contracts.js';
import type { DurableProject } from './durable-project.js';

const provenance = false;

/**
 * Runs of low priority whose steps all wait in one queue, before a worker with one slot comes; then a run of high priority.
 * Answers which keys were served, in order.
 */
export async function overtaking(fixture: DurableProject, low: readonly string[][], high: string[]): Promise<string[]> {
  const { evertrain, engine } = fixture;
  const book = join(engine.dataDir, `queue-${low.length}`);
  const start = (keys: string[], priority: 1 | 5) => evertrain.start(waiters, { book, keys }, { provenance, priority });
  const runs = await Promise.all(low.map((keys) => start(keys, 5)));
  await Promise.all(runs.map((run, n) => queued(run, low[n]?.length ?? 0)));
  const urgent = await start(high, 1);
  await queued(urgent, high.length);
  const lane = await fixture.worker({ queues: { queued: { slots: 1 } } });
  await Promise.all([...runs, urgent].map((run) => run.result()));
  await lane.stop();
  return (await readFile(book, 'utf8')).split('\n').filter(Boolean);
}

async function queued(run: Run, steps: number): Promise<void> {
  while ((await run.view()).steps.length < steps) await sleep(200);
}
