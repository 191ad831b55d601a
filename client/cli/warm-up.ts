import type { Implementation } from '../../activities/sdk/implementation.js';
import { workerLog } from '../../worker/log.js';

/**
 * Starts what steps would start at their first job (a warm Python host imports for a second or more), beside whatever the
 * worker does. What fails here fails again, and is told in full, where a step needs it.
 */
export function warmUp(activities: readonly Implementation[]): void {
  for (const implementation of activities) {
    implementation.warm?.().catch((error: unknown) => {
      workerLog.warn(
        `step "${implementation.step.name}" is not warmed up: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
  }
}
