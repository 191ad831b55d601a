import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { LightCall, LightEnds } from '../../workflows/sdk/light-record.js';
import { decode } from '../../workflows/sdk/schema.js';
import type { StepHeader } from '../../workflows/sdk/step-header.js';
import { stepCache, cacheKey } from './cache/step-cache.js';
import { canonicalJson } from './canonical-json.js';
import { asApplicationFailure, asEvertrainError } from './failure.js';
import type { Implementation } from './implementation.js';
import { asLight } from './light-activity.js';
import { lightTogether, takeWithheld } from './light-together.js';
import type { Lease } from './ports.js';
import { masked } from './secrets.js';
import type { StepServices } from './services.js';
import { type Attempt, type AttemptHost, openAttempt } from './attempt.js';

/** The engine refuses a payload above 2 MB; the difference is left for what travels with it. */
const maxOutputBytes = 1_900_000;

/** Records that a worker has on their way. Beyond it an attempt, still with its heartbeats, waits for one to arrive. */
const mostInBackground = 200;

const headers = new WeakMap<Context, StepHeader>();

/** Keeps the step header that the activity interceptor read for the activity at hand. */
export function rememberHeader(context: Context, header: StepHeader): void {
  headers.set(context, header);
}

const leases = new WeakMap<Context, Lease>();

/** Keeps what the activity at hand holds of the worker's machine, or waits for. */
export function rememberLease(context: Context, lease: Lease): void {
  leases.set(context, lease);
}

/**
 * A step as a Temporal activity: check the input, run the implementation in an attempt (context, heartbeats, journal,
 * watchdog), check the output, keep it in the cache, and say every failure with a code.
 */
export function stepActivity(implementation: Implementation, services: StepServices) {
  return (input?: unknown): Promise<unknown> => {
    const context = Context.current();
    const header = headers.get(context) ?? foreignHeader;
    const lease = leases.get(context);
    const run = () => runAttempt(implementation, services, hostOf(context, header), header, input, lease);
    const { light } = header;
    if (light === undefined) return run();
    const known = takeWithheld(context, light.stepId);
    return known === undefined ? asLight({ ...header, light }, input, run) : Promise.resolve(known);
  };
}

/** Light steps that go together in one local activity. */
export function lightBatch(implementations: ReadonlyMap<string, Implementation>, services: StepServices) {
  return (calls: readonly LightCall[]): Promise<LightEnds> =>
    lightTogether(calls, async ({ name, args: [input], header }, host) => {
      const implementation = implementations.get(name);
      // As Temporal does it with an activity that it does not know: another worker may.
      if (implementation === undefined) throw ApplicationFailure.create({ message: `"${name}" is not known here.` });
      return asLight(header, input, () => runAttempt(implementation, services, host, header, input, undefined));
    });
}

async function runAttempt(
  implementation: Implementation,
  services: StepServices,
  host: AttemptHost,
  header: StepHeader,
  input: unknown,
  lease: Lease | undefined,
): Promise<unknown> {
  const attempt = openAttempt(host, header, services);
  const fencing = attempt.begin();
  if (fencing !== undefined) {
    await fencing.catch((error: unknown) => {
      throw asApplicationFailure(error, implementation.step.name);
    });
  }
  try {
    const output = await outputOf(implementation, input, attempt, lease);
    if (header.cache !== undefined) await keep(implementation, services, attempt, header, input, output);
    const telling = attempt.told();
    if (telling !== undefined) await telling;
    while (services.background.size >= mostInBackground) await Promise.race(services.background);
    closeLater(attempt, services);
    return output;
  } catch (error) {
    throw await failed(error, host, attempt);
  }
}

/** Temporal's context, but for light steps: a local activity is not known by its step's id, and has no heartbeats. */
function hostOf(context: Context, { light, triedLight }: StepHeader): AttemptHost {
  if (light === undefined && triedLight === undefined) return context;
  const { info, cancellationSignal } = context;
  if (light !== undefined) {
    return { info: { ...info, activityId: light.stepId }, cancellationSignal, heartbeat: () => undefined };
  }
  const heartbeat = (details: unknown) => context.heartbeat(details);
  return { info: { ...info, attempt: info.attempt + 1 }, cancellationSignal, heartbeat };
}

/** Runs the implementation between the checks of its input and output. */
export async function outputOf(
  implementation: Implementation,
  input: unknown,
  attempt: Attempt,
  lease?: Lease,
): Promise<unknown> {
  const { step } = implementation;
  const decoded = decode(step.input, input, 'USER_INPUT_INVALID', `the input of step "${step.name}"`);
  const run = () => implementation.run(decoded, attempt.context);
  const work = lease === undefined ? run() : attempt.enter(lease).then(run);
  lease?.keepUntil(work);
  const output = await attempt.race(work);
  checkOutput(implementation, output);
  return output;
}

/** The work is done and its output good: the answer does not wait for the attempt's record, nor fails when it is lost. */
function closeLater(attempt: Attempt, { background }: StepServices): void {
  const closed = attempt.close({ outcome: 'completed' });
  if (closed === undefined) return;
  const closing = closed
    .catch((error: unknown) => {
      attempt.context.log.error('the attempt record was not written', { error: String(error) });
    })
    .finally(() => background.delete(closing));
  background.add(closing);
}

/** A step scheduled by other means than a pipeline (another SDK, the Temporal CLI) still runs. */
const foreignHeader: StepHeader = { seed: 0 };

function checkOutput({ step }: Implementation, output: unknown): void {
  decode(step.output, output, 'USER_OUTPUT_INVALID', `the output of step "${step.name}"`);
  if (output === undefined) return;
  const text = canonicalJson(output);
  if (masked(text) !== text) {
    throw new EvertrainError('USER_OUTPUT_INVALID', `The output of "${step.name}" holds the value of a secret.`, {
      remedy: 'Answer something else: outputs are kept in the history.',
    });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxOutputBytes) return;
  throw new EvertrainError(
    'USER_PAYLOAD_TOO_LARGE',
    `The output of "${step.name}" is ${(bytes / 1e6).toFixed(1)} MB of JSON.`,
    {
      value: bytes,
      remedy: 'Store it with `artifacts.putJson` or `putFile` and answer the reference.',
    },
  );
}

/** Work that is done is not done again because the cache cannot keep it. */
async function keep(
  implementation: Implementation,
  { journal, store }: StepServices,
  { producer, context }: Attempt,
  header: StepHeader,
  input: unknown,
  output: unknown,
): Promise<void> {
  const { workflowId, runId, stepId } = producer;
  try {
    const key = await keyOf(implementation, input, header.cache?.version);
    await stepCache({ journal, store }).store(key, {
      output,
      source: { workflowId, runId, stepId },
      storedAt: Date.now(),
    });
  } catch (error) {
    context.log.warn('the output was not cached', { error: String(error) });
  }
}

/** The cache key of a call of this step on this worker's code. */
export async function keyOf(implementation: Implementation, input: unknown, version?: string): Promise<string> {
  const fingerprint = await implementation.fingerprint();
  return cacheKey({
    step: implementation.step.name,
    input: input ?? null,
    fingerprint,
    ...(version === undefined ? {} : { version }),
  });
}

async function failed(error: unknown, host: AttemptHost, attempt: Attempt): Promise<unknown> {
  const { step } = attempt.context;
  if (host.cancellationSignal.aborted && attempt.failure === undefined) {
    await attempt.close({ outcome: 'cancelled' })?.catch(() => undefined);
    return new CancelledFailure(`"${step.id}" was cancelled.`);
  }
  const known = asEvertrainError(attempt.failure ?? error, `Step "${step.name}"`);
  await attempt.told();
  await attempt.close({ outcome: 'failed', code: known.code, message: known.message })?.catch(() => undefined);
  return asApplicationFailure(known, step.name);
}
