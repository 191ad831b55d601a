import type { Checkpoint, StepLogger } from '../context.js';
import type { ArtifactStore, Journal } from '../ports.js';
import { asCheckpoint, isCheckpoint, isUsable } from './checkpoints.js';
import { readLogBackwards } from './fenced-log.js';
import { checkpointPrefix } from './keys.js';

/** A call of a step, wherever it was made. */
export interface LendingCall {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
}

/**
 * The newest usable checkpoint of the first of these calls that has one. It is read only: the calls' logs are neither
 * opened nor fenced nor written. What is gone or damaged is passed by, with a warning, since work that is done again is
 * better than a call that can never begin; a store or journal that cannot be asked fails this attempt instead, as the next
 * one may find what is there.
 */
export async function findResumed(
  { journal, store }: { readonly journal: Journal; readonly store: Pick<ArtifactStore, 'materialize'> },
  calls: readonly LendingCall[],
  log: Pick<StepLogger, 'info' | 'warn'>,
): Promise<Checkpoint | undefined> {
  let isLost = false;
  for (const call of calls) {
    let lost = 0;
    for await (const entry of readLogBackwards(journal, checkpointPrefix(call.workflowId, call.runId, call.stepId))) {
      if (entry !== undefined && !isCheckpoint(entry)) continue;
      if (entry === undefined || !(await isUsable(entry.artifact, store))) {
        lost++;
        continue;
      }
      const fields = { ...call, sequence: entry.sequence };
      if (lost > 0) log.warn(`${lost} newer checkpoints of "${call.stepId}" are gone or damaged.`, fields);
      log.info(`Goes on from checkpoint ${entry.sequence} of "${call.stepId}".`, fields);
      return asCheckpoint(entry);
    }
    if (lost === 0) continue;
    isLost = true;
    log.warn(`Cannot go on from "${call.stepId}": all of its checkpoints (${lost}) are gone or damaged.`, { ...call });
  }
  if (calls.length > 0) log[isLost ? 'warn' : 'info']('Starts anew: no earlier call has a checkpoint to go on from.');
  return undefined;
}
