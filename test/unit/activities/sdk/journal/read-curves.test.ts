import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import { attemptPrefix } from '../../../../../activities/sdk/journal/keys.js';
import { CurveReader } from '../../../../../activities/sdk/journal/read-curves.js';
import { ThinCurve } from '../../../../../activities/sdk/journal/thin-curve.js';
import type { Journal } from '../../../../../activities/sdk/ports.js';

const million = 1_000_000;
const spiky = (n: number) => (n === 777_777 ? 99 : n === 5 ? -99 : n % 7);

describe('a thin curve', () => {
  it('of a million values keeps the first, the last and every spike, evenly over all of them', () => {
    const curve = new ThinCurve(500);
    for (let n = 0; n < million; n += 1) curve.add([n, spiky(n)]);
    const kept = curve.points();
    expect(kept.length).toBeLessThanOrEqual(1_002);
    expect(kept[0]).toEqual([0, 0]);
    expect(kept.at(-1)?.[0]).toBe(million - 1);
    expect(kept).toContainEqual([777_777, 99]);
    expect(kept).toContainEqual([5, -99]);
    const xs = kept.map(([x]) => x);
    expect(xs).toEqual(xs.toSorted((a, b) => a - b));
    const gaps = xs.slice(1).map((x, n) => x - (xs[n] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual((2 * million) / 250);
  });

  it('of few values is all of them', () => {
    const curve = new ThinCurve(500);
    for (let n = 0; n < 400; n += 1) curve.add([n, spiky(n)]);
    expect(curve.points()).toHaveLength(400);
  });
});

describe('the curves of a run', () => {
  const run = { workflowId: 'w', runId: 'r' };
  let folder: string;
  let journal: Journal;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-curves-'));
    journal = fileJournal(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));
  const report = (stepId: string, values: readonly number[], first = 0, attempt = 1) =>
    journal.append(
      attemptPrefix('w', 'r', stepId, attempt),
      values.map((value, n) => JSON.stringify({ t: n, kind: 'metric', name: 'loss', value, at: first + n })),
    );

  it('of a million values are sent as a few kilobytes, with their spikes', async () => {
    for (let from = 0; from < million; from += 50_000) {
      await report(
        'fit',
        Array.from({ length: 50_000 }, (_, n) => spiky(from + n)),
        from,
      );
    }
    const [curve] = await new CurveReader(journal, run, []).next();
    expect(curve).toMatchObject({ stepId: 'fit', attempt: 1, name: 'loss', count: million });
    expect(curve?.points).toContainEqual([777_777, 99]);
    expect(curve?.points).toContainEqual([5, -99]);
    expect(JSON.stringify(curve).length).toBeLessThan(30_000);
  });

  it('are told again where they have grown, by the step that was reported; those of hundreds of steps are thinner', async () => {
    await report('search[1]/fit', [3, 2], 10);
    await report('search[12]/fit', [9]);
    const reader = new CurveReader(journal, run, ['search[1]']);
    expect(await reader.next()).toEqual([
      {
        stepId: 'search[1]/fit',
        attempt: 1,
        name: 'loss',
        count: 2,
        points: [
          [10, 3],
          [11, 2],
        ],
      },
    ]);
    expect(await reader.next()).toEqual([]);
    await report('search[1]/fit', [1], 12);
    expect((await reader.next())[0]?.points.at(-1)).toEqual([12, 1]);
    for (let n = 0; n < 100; n += 1)
      await report(
        `other[${n}]/fit`,
        Array.from({ length: 1_000 }, (_, at) => at),
      );
    const all = await new CurveReader(journal, run, []).next();
    expect(all).toHaveLength(102);
    expect(all.reduce((sum, { points }) => sum + points.length, 0)).toBeLessThan(25_000);
  });
});
