import {
  ActivityFailure,
  ApplicationFailure,
  scheduleActivity,
  scheduleLocalActivity,
  TimeoutFailure,
} from '@temporalio/workflow';
import { checkRoom } from './history-room.js';
import { outgoing } from './interceptors.js';
import { jsonLength } from './json-size.js';
import type { LightAnswer } from './light-record.js';
import type { LocalActivities } from './local-activities.js';
import { maxLightMs, type Policy } from './policy.js';
import { builtIn } from './protocol.js';
import type { StepHeader } from './step-header.js';

export interface LightCall {
  readonly id: string;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly summary: string;
  readonly header: StepHeader;
  readonly policy: Policy;
}

export type LightTry =
  | { readonly outcome: 'completed'; readonly output: unknown }
  /** It lasted too long, or failed in a way that may pass. */
  | { readonly outcome: 'timed-out' | 'failed' };

/**
 * Light steps: the first attempt is a local activity, on the worker that holds the run. What it does not bring to an end
 * is for a normal activity: back-offs and hung work would hold up the run, which hears of nothing meanwhile.
 */
export class LightSteps {
  constructor(private readonly local: LocalActivities) {}

  /** Fails as a normal activity would where no attempt may follow. */
  try(call: LightCall): Promise<LightTry> {
    return this.local.inTurn(() => this.attempt(call));
  }

  private async attempt({ id, name, args, summary, header, policy }: LightCall): Promise<LightTry> {
    if (this.local.isFull) await this.local.record(nothing);
    checkRoom(id);
    const { finalCodes, attempts } = policy.retry ?? {};
    const light = {
      stepId: id,
      ...(finalCodes === undefined ? {} : { finalCodes }),
      ...(attempts === 1 ? { isOnlyTry: true as const } : {}),
    };
    outgoing.header = { ...header, light };
    try {
      const answer = await scheduleLocalActivity<LightAnswer>(name, [...args], {
        startToCloseTimeout: policy.timeoutMs ?? maxLightMs,
        retry: { maximumAttempts: 1 },
        summary,
      });
      this.local.add({ bytes: jsonLength(answer), ms: answer.light.durationMs });
      return { outcome: 'completed', output: answer.output };
    } catch (error) {
      const cause = error instanceof ActivityFailure ? error.cause : error;
      if (cause instanceof TimeoutFailure) return { outcome: 'timed-out' };
      if (!(cause instanceof ApplicationFailure)) throw error;
      if (cause.nonRetryable !== true) return { outcome: 'failed' };
      throw new ActivityFailure('Activity task failed', name, id, 'NON_RETRYABLE_FAILURE', undefined, cause);
    }
  }
}

/** An activity, as the engine lets a timer of 1 ms fire after up to a second. */
function nothing(): Promise<unknown> {
  return scheduleActivity(builtIn.nothing, [], {
    startToCloseTimeout: 10_000,
    retry: { initialInterval: 100, maximumInterval: 1_000 },
    summary: 'records the light steps so far',
  });
}
