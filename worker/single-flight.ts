import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { type Call, stepClaims } from '../activities/sdk/cache/step-claims.js';
import type { StepServices } from '../activities/sdk/services.js';
import type { CacheClaim, CacheWait } from '../workflows/sdk/cache-messages.js';
import { notYet, type RunSinks } from '../workflows/sdk/protocol.js';
import { workerLog } from './log.js';

/**
 * After a look-up in vain, a call is sent to its queue with the run's task, which may be busy with more look-ups. One that
 * the engine does not know after this time has been held back, or its run hangs: others need not wait for it.
 */
const scheduledWithinMs = 60_000;

/** What the calls of a worker's runs do about claims. None of it may stop a run: without a claim the work is done twice. */
export function singleFlight({ client, services }: { readonly client: Client; readonly services: StepServices }) {
  const claims = stepClaims(services.journal);
  const end = (key: string, call: Call, isDone: boolean): void => {
    const ending = claims
      .ended(key, call, isDone)
      .catch((error: unknown) =>
        workerLog.warn({ error, step: call.stepId }, 'a claim on a cached step was left behind'),
      )
      .finally(() => services.background.delete(ending));
    services.background.add(ending);
  };
  return {
    /** What the look-up finds, or the claim of the call that makes it; undefined where the call at hand is to make it. */
    async find<T>(key: string, call: Call, lookUp: () => Promise<T | undefined>): Promise<T | CacheClaim | undefined> {
      const found = await lookUp();
      if (found !== undefined) return found;
      try {
        const claim = await claims.take(key, call);
        if (claim !== undefined) return claim;
      } catch (error) {
        workerLog.warn({ error, step: call.stepId }, 'a cached step was not claimed; others may do the same work');
        return undefined;
      }
      // Whoever had the key before may have ended between our look and our claim.
      const late = await lookUp();
      if (late !== undefined) end(key, call, true);
      return late;
    },

    /** Answers when the claim is over; fails until then, so that the engine asks again and nobody is held meanwhile. */
    async wait({ key, claim, stepId }: CacheWait): Promise<void> {
      const isHeld = await claims.isHeld(key, claim).catch(() => false);
      if (!isHeld) return;
      if (await isGone(client, claim)) return claims.end(key, claim);
      throw ApplicationFailure.create({
        message: `"${stepId}" waits for "${claim.stepId}" of run ${claim.workflowId} (${claim.runId}), which makes the same`,
        type: notYet,
        category: ApplicationFailureCategory.BENIGN,
      });
    },

    /** As the run says, outside of its history: nothing waits for it. */
    ended({ workflowId, runId }: Omit<Call, 'stepId'>, { key, stepId, isDone }: MissEnded): void {
      end(key, { workflowId, runId, stepId }, isDone);
    },
  };
}

type MissEnded = Parameters<RunSinks['evertrain']['missEnded']>[0];

/** Its run is closed, or has no such call at work (any more, and lost the word of it). */
async function isGone(client: Client, { workflowId, runId, stepId, at }: CacheClaim): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId, runId).describe();
    if (status.name !== 'RUNNING') return true;
    const isAtWork = (raw.pendingActivities ?? []).some(({ activityId }) => activityId === stepId);
    return !isAtWork && Date.now() - at > scheduledWithinMs;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}
