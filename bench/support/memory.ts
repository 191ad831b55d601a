import { readdirSync, readFileSync } from 'node:fs';

/**
 * Megabytes that these processes and all that they have started hold: proportional set size, which counts a page that n
 * processes share as one n-th in each, so that forks are not counted twice. By Linux' /proc; 0 elsewhere.
 */
export function treeMb(roots: readonly number[]): number {
  const pids = withDescendants(roots);
  return pids.reduce((sum, pid) => sum + fieldOf(pid, 'smaps_rollup', 'Pss'), 0) / 1_024;
}

/** Resident set of one process, in megabytes. */
export function rssMb(pid: number): number {
  return fieldOf(pid, 'status', 'VmRSS') / 1_024;
}

function withDescendants(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of processes()) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const found: number[] = [];
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    found.push(pid);
    open.push(...(children.get(pid) ?? []));
  }
  return found;
}

function processes(): (readonly [pid: number, parent: number])[] {
  const names = attempt(() => readdirSync('/proc'), []);
  return names
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), fieldOf(Number(name), 'status', 'PPid')] as const);
}

/** 0 for a process that has ended meanwhile. */
function fieldOf(pid: number, file: string, field: string): number {
  const text = attempt(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'), '');
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
