import { z } from 'zod';
import { EvertrainError, errorCodes, show } from '../../../workflows/sdk/errors.js';

/** What a line on a job's standard output starts with to be an event; JSON follows. */
export const eventPrefix = '::evertrain:: ';

const anyNumber = z.custom<number>((value) => typeof value === 'number', 'expected a number');

const event = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), fraction: anyNumber, message: z.string().optional() }),
  z.object({ kind: z.literal('metric'), name: z.string().min(1), value: anyNumber, at: z.number().nullish() }),
  z.object({
    kind: z.literal('checkpoint'),
    path: z.string().min(1),
    meta: z.record(z.string(), z.unknown()).optional(),
    id: z.int().optional(),
  }),
  z.object({ kind: z.literal('log'), level: z.enum(['debug', 'info', 'warn', 'error']), message: z.string() }),
  z.object({
    kind: z.literal('failure'),
    code: z.enum(errorCodes),
    type: z.string(),
    message: z.string(),
    file: z.string().optional(),
    line: z.int().optional(),
  }),
]);

export type JobEvent = z.infer<typeof event>;
/** Why the program failed, as it says itself. */
export type JobFailure = Extract<JobEvent, { kind: 'failure' }>;

/**
 * The event of a line without its prefix, or what is wrong with it. A number that JSON cannot hold (NaN, Infinity) is
 * refused with USER_OUTPUT_INVALID: silently lost, it would look like a metric that was never reported.
 */
export function parseEvent(text: string): JobEvent | { readonly malformed: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (/^\s*\{.*:\s*(NaN|-?Infinity)\s*[,}]/.test(text)) {
      throw new EvertrainError('USER_OUTPUT_INVALID', `The job reported a number that is not finite: ${show(text)}.`, {
        value: text.slice(0, 200),
        remedy: 'Report finite numbers only.',
      });
    }
    return { malformed: (error as Error).message };
  }
  const parsed = event.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return { malformed: `${issue?.path.join('.') || 'the event'}: ${issue?.message}` };
}
