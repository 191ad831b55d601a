import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePython } from '../../worker/setup/python.mjs';
import { type BenchRow, quantile, spread } from '../support/report.js';

const file = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
const settings = [
  ['as installed', 'default'],
  ['asked every second', '1'],
] as const;

/**
 * Prefect's event-triggered peer: an event, the automation that it fires, and the first task of the deployment, on a
 * local server with one `serve` process. Rows are left out, and it is said why, where it cannot be installed.
 */
export async function prefectRows(runs: number, ourMs: number, say: (line: string) => void): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  try {
    const { python } = await ensurePython({ requirements: file('requirements.txt'), log: say });
    for (const [how, poll] of settings) {
      const latencies = await measure(python, runs, poll);
      say(`Prefect, ${how}: ${latencies.map(Math.round).join(' ')} ms`);
      const name = `event → first task, Prefect, ${how}, p50`;
      const p50 = quantile(latencies, 0.5);
      rows.push({ name, value: p50, unit: 'ms', spread: spread(latencies), ratio: p50 / ourMs });
    }
  } catch (error) {
    say(`Prefect is left out: ${error instanceof Error ? error.message : String(error)}`);
  }
  return rows;
}

async function measure(python: string, runs: number, poll: string): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  try {
    const { stdout } = await promisify(execFile)(python, [file('prefect_arrival.py'), folder, String(runs), poll]);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as number[];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
