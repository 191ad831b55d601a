import { expect, it } from 'vitest';
import { tokenBucket } from '../../../../client/http/token-bucket.js';

it('lets a burst pass, then so many a second, and says how long to wait', () => {
  let now = 0;
  const bucket = tokenBucket(10, 3, () => now);
  const taken = (times: number) => Array.from({ length: times }, () => bucket.take().ok);
  expect(taken(4)).toEqual([true, true, true, false]);
  expect(bucket.take()).toEqual({ ok: false, waitMs: 100 });
  now += 250;
  expect(taken(3)).toEqual([true, true, false]);
  expect(bucket.take()).toEqual({ ok: false, waitMs: 50 });
  now += 3_600_000;
  expect(taken(4)).toEqual([true, true, true, false]);
});
