import { randomUUID } from 'node:crypto';
import { deriveSeed } from '../../workflows/sdk/digest.js';
import { openAttempt } from './attempt.js';
import { asEvertrainError } from './failure.js';
import type { Implementation } from './implementation.js';
import type { StepServices } from './services.js';
import { outputOf } from './step-activity.js';

export interface StepHere {
  /** As a run's; the step's own is derived from it and the step's id. Default 0. */
  readonly seed?: number;
  /** As in a run; default: the step's name. */
  readonly id?: string;
  /** Cancels the step. */
  readonly signal: AbortSignal;
}

/**
 * Runs one step in this process, without an engine: the implementation, its context and the checks of input and output
 * are those of a worker, so a debugger sees what a run would. There is no retry, no cache, no second attempt, and no earlier
 * call to go on from. Close
 * the implementation when it runs no more.
 */
export async function runStepHere(
  implementation: Implementation,
  input: unknown,
  services: StepServices,
  { seed = 0, id = implementation.step.name, signal }: StepHere,
): Promise<unknown> {
  const { name, policy } = implementation.step;
  const host = {
    cancellationSignal: signal,
    heartbeat: () => undefined,
    info: {
      activityId: id,
      activityType: name,
      attempt: 1,
      heartbeatTimeoutMs: policy.heartbeatMs ?? 10_000,
      workflowExecution: { workflowId: `step-run/${name}`, runId: randomUUID() },
    },
  };
  const limit = policy.progressWithinMs === undefined ? {} : { progressWithinMs: policy.progressWithinMs };
  const attempt = openAttempt(host, { seed: deriveSeed(seed, id), ...limit }, services);
  await attempt.begin();
  try {
    const output = await outputOf(implementation, input, attempt);
    await attempt.close({ outcome: 'completed' });
    return output;
  } catch (error) {
    const known = asEvertrainError(attempt.failure ?? error, `Step "${name}"`);
    await attempt.close({ outcome: 'failed', code: known.code, message: known.message })?.catch(() => undefined);
    throw known;
  }
}
