import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fanOut, fanOutSettled, pipeline, step } from '../../../../workflows/sdk/index.js';
import { runPlain } from '../../../support/run-plain.js';

const take = step('take', { input: z.object({ n: z.unknown() }), output: z.object({ n: z.unknown() }) });

/** What a fan-out over the items answers or throws, and how many were begun. */
async function over(items: readonly { n: unknown }[], how: 'all' | 'settled' = 'all') {
  let begun = 0;
  const taking = pipeline(
    'taking',
    {},
    async (): Promise<unknown[]> => (how === 'all' ? fanOut(items, take) : fanOutSettled(items, take)),
  );
  const steps = {
    take: (input: { n: unknown }) => {
      begun++;
      return input;
    },
  };
  const end = await runPlain(taking, undefined, { steps }).catch((error: unknown) => error);
  return { end, begun };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const cycle: { self?: object } = {};
cycle.self = cycle;

describe('a fan-out', () => {
  it.each([0, 1, 2_500])('of %d items answers as many, in order', async (count) => {
    expect(await over(numbers(count))).toEqual({ end: { outcome: 'completed', output: numbers(count) }, begun: count });
  });

  it('of a million items is refused at once', async () => {
    const { end, begun } = await over(numbers(1_000_000));
    expect(end).toMatchObject({ code: 'USER_FAN_OUT_TOO_LARGE', value: 1_000_000 });
    expect(String(end)).toContain('at most 100,000 items');
    expect(begun).toBe(0);
  });

  it.each([
    ['a function', () => 1, 'USER_INPUT_INVALID', /Item 150 of fanOut over "take" is not JSON: "n" is/],
    ['a bigint', 1n, 'USER_INPUT_INVALID', /Item 150 .* is not JSON: "n" is 1n/],
    ['a cycle', cycle, 'USER_INPUT_INVALID', /Item 150 .* is not JSON: .*circular/],
    ['3 MB', 'x'.repeat(3_000_000), 'USER_PAYLOAD_TOO_LARGE', /Item 150 .* is 3\.0 MB of JSON.*artifact/],
  ])('with %s as an item names it, and begins none', async (_, n, code, message) => {
    const { end, begun } = await over([...numbers(150), { n }]);
    expect(end).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(begun).toBe(0);
  });

  it('that collects failures takes such an item for a failure', async () => {
    const { end, begun } = await over([...numbers(2), { n: 1n }], 'settled');
    expect(end).toMatchObject({
      output: [{ status: 'fulfilled' }, { status: 'fulfilled' }, { status: 'rejected', code: 'USER_INPUT_INVALID' }],
    });
    expect(begun).toBe(2);
  });
});
