import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ensurePython } from '../../worker/setup/python.mjs';
import type { Contestant, System, Work } from './contest.js';

const file = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
const endsWithinMs = 60_000;

/** Another tool, in an environment of pinned packages, that a script of bench/peers brings up and gives work to. */
export interface Peer extends Pick<Contestant, 'name' | 'how' | 'kind'> {
  readonly requirements: string;
  readonly script: string;
}

export function peerContestant({ requirements, script, ...named }: Peer, say: (line: string) => void): Contestant {
  return {
    ...named,
    async open(works) {
      const { python } = await ensurePython({ requirements: file(requirements), log: say });
      return openScript(python, script, works);
    },
  };
}

/**
 * The script prints JSON lines: one when it is up, then one for each line that it is given. It ends, and all that it
 * started, when its input does.
 */
async function openScript(python: string, script: string, works: readonly Work[]): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const child = spawn(python, [file(script), folder, JSON.stringify(works)], {
    // As our jobs have it: a task has one CPU.
    env: { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-2_000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<{ readonly ms?: number; readonly failed?: string }> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${script} ended: ${errors.trim().split('\n').slice(-3).join(' ')}`);
    return JSON.parse(value);
  };
  const close = async () => {
    child.stdin.end();
    const late = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
    await ended;
    clearTimeout(late);
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await next();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    pids: [child.pid ?? 0],
    close,
    async run(work, seed) {
      child.stdin.write(`${JSON.stringify({ ...work, seed })}\n`);
      const { ms, failed } = await next();
      if (ms === undefined) throw new Error(failed ?? 'it did not say how long it took');
      return ms;
    },
  };
}
