import { runPrefix, runsPrefix } from '../../activities/sdk/journal/keys.js';
import type { Journal } from '../../activities/sdk/ports.js';

export interface RunRef {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * The journal prefixes of runs that are not among the known ones and whose newest entry is older than the time (epoch
 * ms). A run that has just begun may be missing from the engine's listing; its entries are young.
 */
export async function expiredRunPrefixes(
  journal: Journal,
  known: readonly RunRef[],
  beforeMs: number,
): Promise<string[]> {
  const kept = new Set(known.map(({ workflowId, runId }) => runPrefix(workflowId, runId)));
  const keysOf = new Map<string, string[]>();
  for (const key of await journal.list(runsPrefix)) {
    const prefix = key.split('/').slice(0, 3).join('/');
    if (kept.has(prefix)) continue;
    const keys = keysOf.get(prefix);
    if (keys === undefined) keysOf.set(prefix, [key]);
    else keys.push(key);
  }
  const expired: string[] = [];
  for (const [prefix, keys] of keysOf) if (await isSilentSince(journal, keys, beforeMs)) expired.push(prefix);
  return expired;
}

/** Whether all entries with a time are older; false when none has one. */
async function isSilentSince(journal: Journal, keys: readonly string[], beforeMs: number): Promise<boolean> {
  let newest: number | undefined;
  const saw = (entry: Record<string, unknown> | undefined) => {
    for (const time of [entry?.['t'], entry?.['at'], entry?.['endedAt']]) {
      if (typeof time === 'number') newest = Math.max(newest ?? time, time);
    }
  };
  for (const key of keys) {
    saw(parse(await journal.get(key)));
    for (let cursor: string | undefined; ; ) {
      const read = await journal.read(key, cursor);
      if (read.lines.length === 0) break;
      for (const line of read.lines) saw(parse(line));
      cursor = read.cursor;
    }
    if (newest !== undefined && newest >= beforeMs) return false;
  }
  return newest !== undefined;
}

function parse(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
