import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pipeline, variable } from '../../../../workflows/sdk/index.js';
import { runPlain } from '../../../support/index.js';

const share = variable('share', 0.5, { schema: z.number().max(1) });
const columns = variable<string[]>('columns', []);
const reads = pipeline('reads', {}, async () => ({ share: (await share()) + 0, columns: await columns() }));

describe('variable', () => {
  it('has its default in a plain call, and what the test gives', async () => {
    expect(await runPlain(reads, undefined)).toMatchObject({ output: { share: 0.5, columns: [] } });
    const variables = { share: 0.25, columns: ['a'] };
    expect(await runPlain(reads, undefined, { variables })).toMatchObject({ output: variables });
  });

  it.each([
    ['a name that is none', () => variable('a b', 1), 'USER_NAME_INVALID'],
    ['a default that JSON cannot hold', () => variable('x', Number.NaN), 'USER_OUTPUT_INVALID'],
    [
      'a default that its schema refuses',
      () => variable('x', 2, { schema: z.number().max(1) }),
      'USER_VARIABLE_INVALID',
    ],
    ['an option that is none', () => variable('x', 2, { scheme: z.number() } as never), 'USER_OPTION_UNKNOWN'],
    ['a call outside of a run', () => share(), 'USER_OUTSIDE_PIPELINE'],
  ])('refuses %s', (_, call, code) => {
    expect(call).toThrow(expect.objectContaining({ code }) as Error);
  });
});
