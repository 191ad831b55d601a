import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  patched,
  scheduleActivity,
  scheduleLocalActivity,
  TimeoutFailure,
} from '@temporalio/workflow';
import { checkRoom } from './history-room.js';
import { outgoing } from './interceptors.js';
import { jsonLength } from './json-size.js';
import type { LightAnswer, LightCall, LightEnd, LightEnds, LightFailure } from './light-record.js';
import type { LocalActivities } from './local-activities.js';
import { maxLightMs, type Policy } from './policy.js';
import { builtIn } from './protocol.js';
import type { StepHeader } from './step-header.js';

interface LightStep {
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

interface Waiting {
  readonly call: LightCall;
  readonly scope: CancellationScope;
  /** Of a call that went with others. */
  end?: LightEnd | 'alone';
}

/**
 * Light steps: the first attempt is a local activity, on the worker that holds the run. What it does not bring to an end
 * is for a normal activity: back-offs and hung work would hold up the run, which hears of nothing meanwhile.
 *
 * Each call has its turn among the local activities of the run. Whose turn it is takes along those that wait behind it,
 * in one local activity; they find how they ended when their turns come.
 */
export class LightSteps {
  private readonly waiting = new Set<Waiting>();
  private goTogether: boolean | undefined;

  constructor(private readonly local: LocalActivities) {}

  /** Fails as a normal activity would where no attempt may follow. */
  try(step: LightStep): Promise<LightTry> {
    const mine: Waiting = { call: callOf(step), scope: CancellationScope.current() };
    this.waiting.add(mine);
    return this.local.inTurn(() => this.turn(mine));
  }

  private turn(mine: Waiting): Promise<LightTry> {
    return this.mayTakeAlong(mine) ? this.together(mine).then(() => this.own(mine)) : this.own(mine);
  }

  private own(mine: Waiting): Promise<LightTry> {
    this.waiting.delete(mine);
    const { call, end } = mine;
    if (end === undefined || end === 'alone') return this.alone(call);
    return end.failed?.isFinal === true ? Promise.reject(finalFailure(end, end.failed)) : Promise.resolve(triedOf(end));
  }

  private mayTakeAlong({ scope, end }: Waiting): boolean {
    if (end !== undefined || this.waiting.size < 2 || scope.consideredCancelled) return false;
    // A run that began when each call went alone goes on like that.
    return (this.goTogether ??= patched('evertrain-light-together'));
  }

  private async together(mine: Waiting): Promise<void> {
    if (this.local.isFull) await this.local.record(nothing);
    const open = [...this.waiting].filter(({ end, scope }) => end === undefined && !scope.consideredCancelled);
    const batch = open.slice(0, this.local.room);
    if (batch.length < 2) return;
    checkRoom(mine.call.header.light.stepId);
    const ends = await this.endsOf(batch.map(({ call }) => call));
    for (const [n, end] of ends.entries()) if (end !== 'not-begun') (batch[n] as Waiting).end = end;
  }

  private async endsOf(calls: readonly LightCall[]): Promise<LightEnds['ends']> {
    const longest = Math.max(...calls.map(({ timeoutMs }) => timeoutMs));
    try {
      // Its calls may be of several scopes.
      const answer = await CancellationScope.nonCancellable(() =>
        scheduleLocalActivity<LightEnds>(builtIn.lightSteps, [calls], {
          startToCloseTimeout: longest + graceMs,
          retry: { maximumAttempts: 1 },
          summary: `${calls.length} light steps`,
        }),
      );
      const { ends, durationMs } = answer;
      const steps = ends.filter((end) => typeof end === 'object').length;
      this.local.add({ bytes: jsonLength(answer), ms: durationMs, steps });
      return ends;
    } catch (error) {
      const isLate = error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
      return calls.map(({ name, header: { light, seed } }) => ({
        name,
        endedAt: Date.now(),
        light: { stepId: light.stepId, seed, durationMs: 0 },
        failed: { isFinal: false, isLate },
      }));
    }
  }

  private async alone({ name, args, summary, header, timeoutMs }: LightCall): Promise<LightTry> {
    if (this.local.isFull) await this.local.record(nothing);
    const { stepId } = header.light;
    checkRoom(stepId);
    outgoing.header = header;
    try {
      const answer = await scheduleLocalActivity<LightAnswer>(name, [...args], {
        startToCloseTimeout: timeoutMs,
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
      throw stepFailed(name, stepId, cause);
    }
  }
}

/** What a batch takes beside the longest of its steps: it begins none after a second. */
const graceMs = 2_000;

function callOf({ id, name, args, summary, header, policy }: LightStep): LightCall {
  const { finalCodes, attempts } = policy.retry ?? {};
  const light = {
    stepId: id,
    ...(finalCodes === undefined ? {} : { finalCodes }),
    ...(attempts === 1 ? { isOnlyTry: true as const } : {}),
  };
  return { name, args, summary, header: { ...header, light }, timeoutMs: policy.timeoutMs ?? maxLightMs };
}

function triedOf({ failed, output }: LightEnd): LightTry {
  if (failed === undefined) return { outcome: 'completed', output };
  return { outcome: !failed.isFinal && failed.isLate ? 'timed-out' : 'failed' };
}

function finalFailure(
  { name, light }: LightEnd,
  { type, message, details, cause }: Extract<LightFailure, { isFinal: true }>,
): ActivityFailure {
  const led = cause === undefined ? {} : { cause: Object.assign(new Error(cause.message), cause) };
  const failure = ApplicationFailure.create({ type, message, nonRetryable: true, details: [...details], ...led });
  return stepFailed(name, light.stepId, failure);
}

function stepFailed(name: string, stepId: string, cause: ApplicationFailure): ActivityFailure {
  return new ActivityFailure('Activity task failed', name, stepId, 'NON_RETRYABLE_FAILURE', undefined, cause);
}

/** An activity, as the engine lets a timer of 1 ms fire after up to a second. */
function nothing(): Promise<unknown> {
  return scheduleActivity(builtIn.nothing, [], {
    startToCloseTimeout: 10_000,
    retry: { initialInterval: 100, maximumInterval: 1_000 },
    summary: 'records the light steps so far',
  });
}
