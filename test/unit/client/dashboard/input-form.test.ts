import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fieldsOf, inputFrom } from '../../../../client/dashboard/page/input-form.js';

const schemaOf = (type: z.ZodType) => z.toJSONSchema(type, { io: 'input' });

describe('the form of an input', () => {
  const input = z.object({
    source: z.string(),
    trials: z.int().default(12),
    kernel: z.enum(['rbf', 'linear']).optional(),
    isQuick: z.boolean().default(false),
    params: z.object({ depth: z.int() }).optional(),
  });
  const fields = fieldsOf(schemaOf(input));

  it('has a field for each property, with its default', () => {
    expect(fields.map(({ name, kind, isRequired, initial }) => [name, kind, isRequired, initial])).toEqual([
      ['source', 'text', true, ''],
      ['trials', 'number', false, '12'],
      ['kernel', 'choice', false, ''],
      ['isQuick', 'choice', false, 'false'],
      ['params', 'json', false, ''],
    ]);
  });

  it('makes an input that the schema takes, without what was left empty', () => {
    const made = inputFrom(fields, { source: '7', trials: '3', isQuick: 'true', params: '{"depth":2}' });
    expect(made).toEqual({ source: '7', trials: 3, isQuick: true, params: { depth: 2 } });
    expect(input.parse(made)).toMatchObject({ source: '7', trials: 3 });
  });

  it('says which field is no JSON', () => {
    expect(() => inputFrom(fields, { source: 'x', params: '{depth' })).toThrow('params is not JSON: {depth');
  });

  it('asks for JSON where the input is no object, or not declared', () => {
    const [whole] = fieldsOf(undefined);
    expect(whole).toMatchObject({ name: '', kind: 'json' });
    expect(inputFrom(fieldsOf(schemaOf(z.array(z.int()))), { '': '[1]' })).toEqual([1]);
  });
});
