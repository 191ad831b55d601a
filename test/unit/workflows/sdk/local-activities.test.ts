import { describe, expect, it } from 'vitest';
import { LocalActivities } from '../../../../workflows/sdk/local-activities.js';

describe('the local activities of a run', () => {
  it('go one at a time, in the order of their calls, also after one that failed', async () => {
    const local = new LocalActivities();
    const seen: string[] = [];
    const work = (name: string) => async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (name === 'b') throw new Error(name);
    };
    await Promise.allSettled(['a', 'b', 'c'].map((name) => local.inTurn(work(name))));
    expect(seen).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  });

  it.each([
    ['100 light steps', 100, { bytes: 1, ms: 1 }],
    ['a second of light steps', 2, { bytes: 1, ms: 500 }],
    ['500 KB', 51, { bytes: 10_000 }],
  ])('are recorded after %s', async (_, count, each) => {
    const local = new LocalActivities();
    for (let n = 1; n < count; n++) local.add(each);
    expect(local.isFull).toBe(false);
    local.add(each);
    expect(local.isFull).toBe(true);
    await local.record(() => Promise.resolve());
    expect(local.isFull).toBe(false);
  });

  it('that are look-ups may be many', () => {
    const local = new LocalActivities();
    for (let n = 0; n < 1_000; n++) local.add({ bytes: 10 });
    expect(local.isFull).toBe(false);
  });
});
