import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePython } from '../../worker/setup/python.mjs';
import type { Course, Work } from './course.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Another tool that searches: an environment of pinned packages, and a script that does the work. */
export interface Peer {
  readonly name: string;
  readonly requirements: string;
  readonly script: string;
}

export const peers: readonly Peer[] = [
  { name: 'Optuna', requirements: '../../python/search-requirements.txt', script: '../peers/optuna_search.py' },
  { name: 'Ray Tune', requirements: '../peers/requirements-ray.txt', script: '../peers/ray_search.py' },
];

/** Its turns; absent, and it is said why, where it cannot be installed. */
export async function openPeer({ name, requirements, script }: Peer, say: (line: string) => void) {
  try {
    const { python } = await ensurePython({ requirements: file(requirements), log: say });
    return { name, course: (work: Work) => course(python, file(script), work) };
  } catch (error) {
    say(`${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function course(python: string, script: string, work: Work): Promise<Course> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  try {
    // As our jobs have it: a trial has one CPU.
    const env = { ...process.env, PYTHONPATH: file('.'), OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
    const run = promisify(execFile)(python, [script, folder, JSON.stringify(work)], { env, maxBuffer: 64 << 20 });
    return JSON.parse((await run).stdout.trim().split('\n').at(-1) ?? '') as Course;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
