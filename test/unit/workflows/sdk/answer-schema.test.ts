import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerSchemaOf } from '../../../../workflows/sdk/answer-schema.js';
import type { Schema } from '../../../../workflows/sdk/schema.js';

describe('the schema by which an answer is asked for', () => {
  const answer = z.strictObject({ threshold: z.number().max(1), note: z.string().optional() });

  it('is what the answer takes', () => {
    expect(answerSchemaOf(answer, 99)).toMatchObject({
      type: 'object',
      properties: { threshold: { type: 'number', maximum: 1 }, note: { type: 'string' } },
      required: ['threshold'],
    });
  });

  it('says nothing of one that is of another library, large, or asked for after many others', () => {
    const other: Schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };
    expect(answerSchemaOf(other, 0)).toEqual({});
    expect(answerSchemaOf(answer.describe('x'.repeat(4_000)), 0)).toEqual({});
    expect(answerSchemaOf(answer, 100)).toEqual({});
  });

  it('says nothing where JSON schema cannot, instead of failing the run', () => {
    expect(answerSchemaOf(z.string().meta({ odd: 1n }), 0)).toEqual({});
  });
});
