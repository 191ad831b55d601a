import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { provision } from '../../worker/engine/provision.js';
import { startEngine } from '../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';

export interface BenchEngine {
  readonly address: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Ends with `close`, in the reverse order. */
  readonly later: (undo: () => unknown) => void;
  /** Stops everything and removes the folder. */
  readonly close: () => Promise<void>;
}

/** The embedded engine on a temporary folder, ready for runs. */
export async function openEngine(): Promise<BenchEngine> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const undo: (() => unknown)[] = [() => rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const engine = await startEngine({ dataDir, binary: (await ensureTemporal()).path, uiPort: false });
    undo.push(() => engine.stop());
    const { address, namespace, pid } = engine;
    const connection = await Connection.connect({ address });
    await provision(connection, namespace);
    await connection.close();
    return { address, dataDir, pid, later: (step) => void undo.push(step), close };
  } catch (error) {
    await close();
    throw error;
  }
}
