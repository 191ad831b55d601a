import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The embedded engine that runs on a data folder. */
export interface RunningEngine {
  /** host:port of the gRPC service. */
  readonly address: string;
  readonly namespace: string;
  /** URL of Temporal's UI; absent when it was started without. */
  readonly uiAddress?: string;
  readonly pid: number;
}

/**
 * The engine that runs on this data folder, by its `engine.json`; undefined when none does. A pid that was given to
 * another process since is noticed where the system tells start times (Linux).
 */
export function readEngineFile(dataDir: string): RunningEngine | undefined {
  const record = readRecord(join(dataDir, 'engine.json'));
  if (record === undefined || !isAlive(record.pid)) return undefined;
  const start = startOf(record.pid);
  if (record.processStart !== undefined && start !== undefined && start !== record.processStart) return undefined;
  const { address, namespace, uiAddress, pid } = record;
  return { address, namespace, ...(uiAddress === undefined ? {} : { uiAddress }), pid };
}

function readRecord(path: string): (RunningEngine & { processStart?: string }) | undefined {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8'));
    // The record of a stopped engine stays, for its ports.
    return typeof record?.address === 'string' && typeof record.pid === 'number' && record.stoppedAt === undefined
      ? record
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Boot and clock tick at which the process started, in the words of worker/setup/process-identity.mjs. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}
