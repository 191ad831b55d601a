import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePython } from '../../worker/setup/python.mjs';
import { type BenchRow, quantile, spread } from '../support/report.js';

const file = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));

/** Another tool that starts work by an event: an environment of pinned packages, and a script that measures. */
export interface Peer {
  readonly name: string;
  /** In bench/peers. */
  readonly requirements: string;
  readonly script: string;
  /** How it is set: in words, and what the script is told. */
  readonly settings: ReadonlyArray<readonly [how: string, told: string]>;
}

/**
 * The event-triggered peer: an event, and the first task of what it starts, on a local installation of its own. Rows are
 * left out, and it is said why, where it cannot be installed or does not run.
 */
export async function peerRows(
  { name, requirements, script, settings }: Peer,
  runs: number,
  ourMs: number,
  say: (line: string) => void,
): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  try {
    const { python } = await ensurePython({ requirements: file(requirements), log: say });
    for (const [how, told] of settings) {
      const latencies = await measure(python, script, runs, told);
      say(`${name}, ${how}: ${latencies.map(Math.round).join(' ')} ms`);
      const row = `event → first task, ${name}, ${how}`;
      const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
      rows.push(
        { name: `${row}, p50`, value: p50, unit: 'ms', spread: spread(latencies), ratio: p50 / ourMs },
        { name: `${row}, p99`, value: p99, unit: 'ms' },
      );
    }
  } catch (error) {
    say(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
  }
  return rows;
}

async function measure(python: string, script: string, runs: number, told: string): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  try {
    const { stdout } = await promisify(execFile)(python, [file(script), folder, String(runs), told]);
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as number[];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
