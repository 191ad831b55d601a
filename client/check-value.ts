import { type ErrorCode, EvertrainError } from '../workflows/sdk/errors.js';
import { decode, type Schema } from '../workflows/sdk/schema.js';

/** The engine refuses a payload above 2 MB; the difference is left for what travels with it. */
const ofPayload = { maxBytes: 1_900_000, remedy: 'Put the data into a file or object store and pass where it lies.' };
/** A run takes no longer answer; it writes each into its history twice. */
export const ofAnswer = { maxBytes: 100_000, remedy: 'Answer in short, and by reference to what is long.' };

/**
 * Checks a value before it is sent, as the receiver will see it: JSON turns a Date into text, drops `undefined` and makes
 * NaN null, so the value is checked after that. Answers what travels.
 */
export function checkValue(
  schema: Schema | undefined,
  value: unknown,
  code: ErrorCode,
  what: string,
  { maxBytes, remedy } = ofPayload,
): unknown {
  const text = toJson(value, code, what);
  const bytes = text === undefined ? 0 : Buffer.byteLength(text);
  if (bytes > maxBytes) {
    throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `${what} is ${(bytes / 1e6).toFixed(1)} MB of JSON.`, {
      value: bytes,
      remedy,
    });
  }
  const travels: unknown = text === undefined ? undefined : JSON.parse(text);
  decode(schema, travels, code, what);
  return travels;
}

function toJson(value: unknown, code: ErrorCode, what: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new EvertrainError(code, `${what} is not JSON: ${error instanceof Error ? error.message : String(error)}.`, {
      remedy: 'Pass plain objects, arrays, strings, finite numbers and booleans.',
      cause: error,
    });
  }
}
