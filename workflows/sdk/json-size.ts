import { type ErrorCode, EvertrainError, show } from './errors.js';

/** A value that a run is about to hand to the engine, as JSON. */
interface Carried {
  /** Subject and verb of the error: `The input of "iris.train" is`. */
  readonly what: string;
  /** Of a value that JSON cannot hold. */
  readonly code: ErrorCode;
  readonly maxBytes: number;
  /** What to do about a value that is too large. */
  readonly remedy: string;
}

/** The engine refuses a payload above 2 MB, and 4 MB of commands in one workflow task. */
const maxPayloadBytes = 1_400_000;
/** Each gate and approval writes its facts into the history, and tells them to people. */
const maxFactsBytes = 100_000;

const byReference = 'Put the data into an artifact in a step and pass its reference.';

export function checkInput(id: string, input: unknown): number {
  const what = `The input of "${id}" is`;
  return jsonBytes(input, { what, code: 'USER_INPUT_INVALID', maxBytes: maxPayloadBytes, remedy: byReference });
}

export function checkItem(fanOut: string, index: number, item: unknown): number {
  const what = `Item ${index} of ${fanOut} is`;
  return jsonBytes(item, { what, code: 'USER_INPUT_INVALID', maxBytes: maxPayloadBytes, remedy: byReference });
}

export function checkOutput(pipeline: string, output: unknown): number {
  const what = `The output of pipeline "${pipeline}" is`;
  return jsonBytes(output, { what, code: 'USER_OUTPUT_INVALID', maxBytes: maxPayloadBytes, remedy: byReference });
}

export function checkFacts(of: string, facts: unknown): number {
  const remedy = 'Pass the numbers that were decided on, and an artifact’s reference for the rest.';
  const what = `The facts of ${of} are`;
  return jsonBytes(facts, { what, code: 'USER_OUTPUT_INVALID', maxBytes: maxFactsBytes, remedy });
}

export function checkAnswerSize(approval: string, answer: unknown): number {
  const remedy = 'Answer in short, and by reference to what is long.';
  const what = `The answer to "${approval}" is`;
  return jsonBytes(answer, { what, code: 'USER_ANSWER_INVALID', maxBytes: maxFactsBytes, remedy });
}

/**
 * The UTF-8 bytes of a value's JSON. Refuses what is too large (USER_PAYLOAD_TOO_LARGE), and what JSON would lose or
 * change silently: NaN, infinities, bigint, functions, symbols, `undefined` in arrays, Map, Set, binary data, cycles.
 */
function jsonBytes(value: unknown, { what, code, maxBytes, remedy }: Carried): number {
  const bytes = utf8Length(toJson(value, what, code));
  if (bytes <= maxBytes) return bytes;
  throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `${what} ${(bytes / 1e6).toFixed(1)} MB of JSON.`, {
    value: bytes,
    remedy,
  });
}

function toJson(value: unknown, what: string, code: ErrorCode): string {
  try {
    return (JSON.stringify(value, refuseOdd) as string | undefined) ?? '';
  } catch (error) {
    const why = error instanceof Odd ? error.message : String(error).split('\n')[0];
    throw new EvertrainError(code, `${what} not JSON: ${why}.`, {
      value: error instanceof Odd ? error.shown : undefined,
      remedy: 'Use finite numbers, strings, booleans, null, arrays and plain objects.',
      cause: error,
    });
  }
}

class Odd extends Error {
  constructor(
    key: string,
    readonly shown: string,
  ) {
    super(`${key === '' ? 'it' : `"${key}"`} is ${shown}`);
  }
}

/** A replacer of `JSON.stringify`; it sees a value after its `toJSON`. */
function refuseOdd(this: unknown, key: string, value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new Odd(key, String(value));
    case 'undefined':
      if (Array.isArray(this)) throw new Odd(key, 'undefined');
      return value;
    case 'object': {
      if (value === null || Array.isArray(value)) return value;
      const kind = Object.prototype.toString.call(value).slice(8, -1);
      if (kind === 'Object') return value;
      throw new Odd(key, `a ${kind}`);
    }
    default:
      throw new Odd(
        key,
        typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? String(value) : show(value),
      );
  }
}

/** The UTF-8 bytes of a value's JSON. */
export function jsonLength(value: unknown): number {
  return utf8Length((JSON.stringify(value) as string | undefined) ?? '');
}

/** The sandbox has neither Buffer nor a typed TextEncoder. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // A pair of surrogates is 4 bytes: 2 for each.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
