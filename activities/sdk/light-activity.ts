import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import type { LightAnswer, LightRecord } from '../../workflows/sdk/light-record.js';
import type { StepHeader } from '../../workflows/sdk/step-header.js';

/** Above, a view shows the step without it: it would be twice in the history of a step that passes it on. */
const maxInputBytes = 100_000;

/**
 * Runs a step as a local activity, which leaves the history nothing but its answer or failure: what else a view tells of
 * a step travels with them. Only failures that no attempt may follow are marked as final.
 */
export async function asLight(
  { light, seed }: StepHeader & { readonly light: NonNullable<StepHeader['light']> },
  input: unknown,
  run: () => Promise<unknown>,
): Promise<LightAnswer> {
  const began = performance.now();
  const record = (): LightRecord => ({
    stepId: light.stepId,
    seed,
    durationMs: Math.round(performance.now() - began),
    ...(Buffer.byteLength(JSON.stringify(input) ?? '') > maxInputBytes ? {} : { input }),
  });
  try {
    const output = await run();
    return { light: record(), output };
  } catch (error) {
    if (error instanceof CancelledFailure) throw new CancelledFailure(error.message, [record()]);
    if (!(error instanceof ApplicationFailure)) throw error;
    const { message, details, cause } = error;
    const type = error.type ?? '';
    const isFinal = error.nonRetryable === true || light.isOnlyTry === true || light.finalCodes?.includes(type);
    throw ApplicationFailure.create({
      message,
      type,
      nonRetryable: isFinal === true,
      details: [...(details ?? []), record()],
      ...(cause === undefined ? {} : { cause }),
    });
  }
}
