import { scheduleActivity } from '@temporalio/workflow';
import { builtIn } from '../protocol.js';
import type { Deployment, Servable } from './deployment.js';
import type { ModelVersion } from './model-state.js';

/** What the model server cannot take however often it is asked. */
export const finalCodes: string[] = ['SYSTEM_DEPLOY_FAILED', 'SYSTEM_FENCED', 'SYSTEM_PEER_MISSING'];

/** Puts a version, and what is tried beside it, on the model server; tried `attempts` times, default 10. */
export async function deploy(
  deployment: Deployment,
  { summary, attempts = 10 }: { readonly summary: string; readonly attempts?: number },
): Promise<void> {
  await scheduleActivity(builtIn.deploy, [deployment], {
    startToCloseTimeout: 120_000,
    heartbeatTimeout: 10_000,
    retry: {
      ...(attempts === Infinity ? {} : { maximumAttempts: attempts }),
      maximumInterval: 10_000,
      nonRetryableErrorTypes: finalCodes,
    },
    summary,
  });
}

export function servable({ version, artifact, run, golden }: ModelVersion): Servable {
  return { version, artifact, producedBy: run, ...(golden === undefined ? {} : { golden }) };
}
