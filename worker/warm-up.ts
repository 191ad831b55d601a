import type { Implementation } from '../activities/sdk/implementation.js';
import { workerLog } from './log.js';

/**
 * Starts what steps would start at their first job (a warm Python host imports for a second or more), beside whatever the
 * worker does: nothing waits for it. What fails here fails again, and is told in full, where a step needs it.
 */
export function warmUp(implementations: Iterable<Implementation>): void {
  for (const implementation of implementations) void warm(implementation);
}

async function warm(implementation: Implementation): Promise<void> {
  try {
    await implementation.warm?.();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    workerLog.warn(`step "${implementation.step.name}" is not warmed up: ${reason}`);
  }
}
