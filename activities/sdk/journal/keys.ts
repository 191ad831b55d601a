import { journalKey } from '../ports.js';

/**
 * Where things lie in the journal. All that a run writes is below its run prefix; its run record is elsewhere, because it
 * outlives the rest.
 */

/** Documents below it are pins: JSON whose artifacts garbage collection keeps. */
export const pinsPrefix = 'pins';
export const cachePrefix = 'cache';
export const claimsPrefix = 'claims';
export const runsPrefix = 'runs';
export const runRecordsPrefix = 'run-records';
export const releasedPrefix = 'released';
export const storeUsersPrefix = 'store-users';

export function runPrefix(workflowId: string, runId: string): string {
  return journalKey(runsPrefix, workflowId, runId);
}

export function attemptsPrefix(workflowId: string, runId: string): string {
  return `${runPrefix(workflowId, runId)}/attempts`;
}

/** The stream of an attempt. One segment, so that an attempt makes no directories. */
export function attemptPrefix(workflowId: string, runId: string, stepId: string, attempt: number): string {
  return `${attemptsPrefix(workflowId, runId)}/${journalKey(`${attempt}=${stepId}`)}`;
}

export function recordsPrefix(workflowId: string, runId: string): string {
  return `${runPrefix(workflowId, runId)}/records`;
}

/** The stream of a run's attempt records that one worker writes. */
export function recordsKey(workflowId: string, runId: string, worker: string): string {
  return `${recordsPrefix(workflowId, runId)}/${journalKey(worker)}`;
}

/** The attempt behind the last segment of its key; undefined when it is not one. */
export function parseAttemptSegment(segment: string): { stepId: string; attempt: number } | undefined {
  const [, attempt, stepId] = /^(\d+)=(.*)$/s.exec(unescapeSegment(segment)) ?? [];
  return stepId === undefined ? undefined : { stepId, attempt: Number(attempt) };
}

export function checkpointsPrefix(workflowId: string, runId: string): string {
  return `${runPrefix(workflowId, runId)}/checkpoints`;
}

/** The fenced log of a step. */
export function checkpointPrefix(workflowId: string, runId: string, stepId: string): string {
  return `${checkpointsPrefix(workflowId, runId)}/${journalKey(stepId)}`;
}

export function runRecordKey(workflowId: string, runId: string): string {
  return journalKey(runRecordsPrefix, workflowId, runId);
}

/** Says of an artifact that run records hold it no more. */
export function releasedKey(sha256: string): string {
  return journalKey(releasedPrefix, sha256);
}

/** `key` is what `cacheKey` gives. */
export function cacheEntryKey(key: string): string {
  return journalKey(cachePrefix, key.slice(0, 2), key);
}

/** The claims on a cache entry that is not there yet. */
export function claimsOf(key: string): string {
  return journalKey(claimsPrefix, key);
}

/** The text that `journalKey` escaped into a segment. */
export function unescapeSegment(segment: string): string {
  if (segment === '%') return '';
  const bytes = segment.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
