import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isFinal } from '../../../../workflows/sdk/errors.js';
import { decode, type Schema } from '../../../../workflows/sdk/schema.js';

const failure = (schema: Schema, value: unknown): Error & { code?: string } => {
  try {
    decode(schema, value, 'USER_INPUT_INVALID', 'the input');
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error('it was decoded');
};

/** A Standard Schema written by hand: no library is needed. */
const even: Schema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => (Number(value) % 2 === 0 ? { value } : { issues: [{ message: 'not even' }] }),
  },
};

describe('decoding', () => {
  it('gives the decoded side, and passes everything where there is no schema', () => {
    expect(decode(z.object({ at: z.coerce.date() }), { at: '2020-01-01' }, 'USER_INPUT_INVALID', 'x')).toEqual({
      at: new Date('2020-01-01'),
    });
    expect(decode(undefined, 7, 'USER_INPUT_INVALID', 'x')).toBe(7);
    expect(decode(even, 4, 'USER_INPUT_INVALID', 'x')).toBe(4);
  });

  it('names each wrong field, with the value found there', () => {
    const error = failure(z.object({ rows: z.array(z.object({ age: z.int() })) }), {
      rows: [{ age: 1 }, { age: 'x' }],
    });
    expect(error.code).toBe('USER_INPUT_INVALID');
    expect(error.message).toContain('rows.1.age: ');
    expect(error.message).toContain('(got "x")');
    expect(failure(even, 3).message).toContain('the value: not even (got 3)');
  });

  it('shows at most five wrong fields and counts the rest', () => {
    const error = failure(z.array(z.string()), [1, 2, 3, 4, 5, 6, 7]);
    expect(error.message).toContain('and 2 more');
  });

  it('refuses a schema that validates asynchronously, and leaves no rejection behind', async () => {
    const slow = z.string().refine(async () => Promise.resolve(true));
    expect(failure(slow, 'text').code).toBe('USER_SCHEMA_ASYNC');
    const rejecting: Schema = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('late')) },
    };
    expect(failure(rejecting, 1).code).toBe('USER_SCHEMA_ASYNC');
    await new Promise((wake) => setImmediate(wake));
  });
});

describe('a final code', () => {
  it('is what the same input cannot change; faults of user code and of the system are tried again', () => {
    expect(isFinal('USER_INPUT_INVALID')).toBe(true);
    expect(isFinal('GATE_REJECTED')).toBe(true);
    expect(isFinal('SYSTEM_PEER_MISSING')).toBe(true);
    expect(isFinal('USER_CODE_FAILED')).toBe(false);
    expect(isFinal('USER_JOB_FAILED')).toBe(false);
    expect(isFinal('SYSTEM_FAILED')).toBe(false);
    expect(isFinal('SYSTEM_FENCED')).toBe(false);
  });
});
