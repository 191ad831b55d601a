import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What `engine.json` in the data folder says about the engine that runs there, or ran last: the next one takes its
 * ports when they are free, so addresses in people's browsers and scripts stay right.
 */
export interface EngineRecord {
  readonly address: string;
  readonly namespace: string;
  readonly uiAddress?: string;
  readonly pid: number;
  /** Tells the process from a later one with the same pid. */
  readonly processStart?: string;
  /** Temporal's id of the cluster, kept in the database: tells this folder's engine from another on the same port. */
  readonly clusterId: string;
  readonly startedAt: string;
  readonly binary: string;
  /** Present when it was stopped in order. */
  readonly stoppedAt?: string;
}

export function readEngineRecord(dataDir: string): EngineRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(join(dataDir, 'engine.json'), 'utf8')) as Partial<EngineRecord> | null;
    const whole =
      typeof value?.address === 'string' &&
      typeof value.namespace === 'string' &&
      typeof value.pid === 'number' &&
      typeof value.clusterId === 'string';
    return whole ? (value as EngineRecord) : undefined;
  } catch {
    // Absent or damaged: nothing is known of an earlier engine, and nothing depends on it.
    return undefined;
  }
}

export function writeEngineRecord(dataDir: string, record: EngineRecord): void {
  const path = join(dataDir, 'engine.json');
  const draft = `${path}.${process.pid}.tmp`;
  writeFileSync(draft, `${JSON.stringify(record, undefined, 2)}\n`);
  renameSync(draft, path);
}
