import type { ChildProcess } from 'node:child_process';
import { killed } from './child-process.js';

/** A server of a test's own that can be killed, and started again on what it left. */
export interface Restartable {
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, after `kill`. */
  restart(): Promise<void>;
  /** Kills it, and removes what it left. */
  stop(): Promise<void>;
}

/** Starts it; where it does not come up, it is stopped, and nothing of it stays. */
export async function startRestartable(parts: {
  readonly spawn: () => ChildProcess;
  readonly untilReady: (child: ChildProcess) => Promise<void>;
  readonly remove: () => Promise<void>;
}): Promise<Restartable> {
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    await killed(running);
  };
  const start = async () => {
    child = parts.spawn();
    await parts.untilReady(child);
  };
  const stop = async () => {
    await kill();
    await parts.remove();
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { kill, restart: start, stop };
}
