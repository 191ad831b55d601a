import { ApplicationFailure, Context } from '@temporalio/activity';
import type { LightAnswer, LightCall, LightEnd, LightEnds, LightRecord } from '../../workflows/sdk/light-record.js';
import type { AttemptHost } from './attempt.js';

/** Steps of a batch at once. */
const lanes = 16;
/** What has not been begun by then waits for another batch: none of what a dead worker did here is recorded. */
const beginWithinMs = 1_000;
/** Of JSON, in the marker that a batch leaves: a step is not begun when it is used up. */
const roomBytes = 400_000;
/** An end that is no larger goes with the others in any case. */
const smallBytes = 20_000;

/** Runs calls of light steps together, each as an attempt of its own (`run`); they may be of several steps. */
export async function lightTogether(
  calls: readonly LightCall[],
  run: (call: LightCall, host: AttemptHost) => Promise<LightAnswer>,
): Promise<LightEnds> {
  const began = performance.now();
  const context = Context.current();
  const ends: LightEnds['ends'][number][] = calls.map(() => 'not-begun');
  let [next, room] = [0, roomBytes];
  const lane = async () => {
    while (next < calls.length && room > 0 && performance.now() - began < beginWithinMs) {
      const n = next++;
      const call = calls[n] as LightCall;
      const end = await endOf(call, context, run);
      const bytes = Buffer.byteLength(JSON.stringify(end));
      const fits = end.failed !== undefined || bytes <= Math.max(room, smallBytes);
      if (fits) room -= bytes;
      else withhold(context, end);
      ends[n] = fits ? end : 'alone';
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { ends, durationMs: Math.round(performance.now() - began) };
}

async function endOf(
  call: LightCall,
  { info, cancellationSignal }: Context,
  run: (call: LightCall, host: AttemptHost) => Promise<LightAnswer>,
): Promise<LightEnd> {
  const { name, summary, header, timeoutMs } = call;
  const { stepId } = header.light;
  const own = () => ({ name, endedAt: Date.now(), ...(summary === stepId ? {} : { summary }) });
  const late = new AbortController();
  const lateness = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => reject(new Error(`"${stepId}" is late`)));
  });
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const host = {
    info: { ...info, activityId: stepId, activityType: name },
    cancellationSignal: AbortSignal.any([cancellationSignal, late.signal]),
    heartbeat: () => undefined,
  };
  try {
    const answer = await Promise.race([run(call, host), lateness]);
    return { ...own(), ...answer };
  } catch (error) {
    const nothing: LightRecord = { stepId, seed: header.seed, durationMs: timeoutMs };
    if (late.signal.aborted) return { ...own(), light: nothing, failed: { isFinal: false, isLate: true } };
    if (!(error instanceof ApplicationFailure)) throw error;
    const { type, message, details, cause } = error;
    const light = (details?.at(-1) ?? nothing) as LightRecord;
    if (error.nonRetryable !== true) return { ...own(), light, failed: { isFinal: false, isLate: false } };
    const led = cause === undefined ? {} : { cause: { message: cause.message, ...stackOf(cause) } };
    const failed = { isFinal: true, type: type ?? '', message, details: details?.slice(0, -1) ?? [], ...led } as const;
    return { ...own(), light, failed };
  } finally {
    clearTimeout(timer);
  }
}

function stackOf({ stack }: Error): { stack?: string } {
  return stack === undefined ? {} : { stack };
}

/** What is too large to go with others, until an attempt alone takes it: the work is not done again. */
const withheld = new Map<string, LightAnswer>();
/** A run that has ended meanwhile takes nothing. */
const keptMs = 60_000;

function withhold(context: Context, { light, output }: LightEnd): void {
  const key = keyOf(context, light.stepId);
  withheld.set(key, { light, output });
  setTimeout(() => withheld.delete(key), keptMs).unref();
}

/** The answer of a step that has ended among others. */
export function takeWithheld(context: Context, stepId: string): LightAnswer | undefined {
  const key = keyOf(context, stepId);
  const found = withheld.get(key);
  withheld.delete(key);
  return found;
}

function keyOf({ info: { workflowExecution } }: Context, stepId: string): string {
  return `${workflowExecution?.workflowId}/${workflowExecution?.runId}/${stepId}`;
}
