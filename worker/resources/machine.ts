import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { checkedResources, type ResourceOptions } from '../../workflows/sdk/resources.js';

/** What a worker has for its steps. */
export interface Machine {
  readonly cpu: number;
  readonly memoryBytes: number;
  /** As CUDA_VISIBLE_DEVICES names them. */
  readonly gpus: readonly string[];
}

/**
 * What is declared, and for the rest what this process finds: cores and memory within its container's limits; the GPUs
 * that CUDA_VISIBLE_DEVICES leaves it, or all of `nvidia-smi`. GPUs are looked for only when asked for.
 */
export async function findMachine(declared: ResourceOptions, needsGpus: boolean): Promise<Machine> {
  const { cpu, memoryBytes, gpu } = checkedResources('createWorker: resources', declared);
  return {
    cpu: cpu ?? (await coresHere()),
    memoryBytes: memoryBytes ?? memoryHere(),
    gpus: gpu === undefined ? (needsGpus ? await gpusHere() : []) : namedGpus(gpu),
  };
}

const mostCachedRuns = 300;
/** A small run that waits has 0.35 MiB; the rest is for inputs, histories and what its code holds. */
const cachedRunBytes = 1 << 20;

/** Runs that a worker keeps in memory: of its memory a quarter at most. One that is not kept is replayed at its next task. */
export function cachedRuns({ memoryBytes }: Machine): number {
  return Math.max(10, Math.min(mostCachedRuns, Math.floor(memoryBytes / 4 / cachedRunBytes)));
}

async function coresHere(): Promise<number> {
  const cores = availableParallelism();
  const [quota, period] = (await readFile('/sys/fs/cgroup/cpu.max', 'utf8').catch(() => 'max')).split(' ').map(Number);
  return quota !== undefined && period !== undefined && quota > 0 ? Math.min(cores, quota / period) : cores;
}

function memoryHere(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

async function gpusHere(): Promise<readonly string[]> {
  const visible = visibleGpus();
  if (visible !== undefined) return visible;
  const { stdout } = await promisify(execFile)('nvidia-smi', ['-L'], { timeout: 10_000 }).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(/^GPU (\d+):/gm)].map(([, number]) => String(number));
}

function namedGpus(count: number): readonly string[] {
  const all = visibleGpus() ?? Array.from({ length: count }, (_, n) => String(n));
  if (all.length >= count) return all.slice(0, count);
  throw new EvertrainError(
    'USER_OPTION_INVALID',
    `createWorker: resources has ${count} GPUs, CUDA_VISIBLE_DEVICES names ${all.length}.`,
    { value: all, remedy: 'Declare no more GPUs than CUDA_VISIBLE_DEVICES leaves the worker.' },
  );
}

function visibleGpus(): readonly string[] | undefined {
  const names = process.env['CUDA_VISIBLE_DEVICES']?.split(',').map((name) => name.trim());
  return names?.filter((name) => name !== '' && name !== '-1');
}
