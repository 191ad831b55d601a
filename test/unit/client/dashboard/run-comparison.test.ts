import { expect, it } from 'vitest';
import { comparedRuns } from '../../../../client/dashboard/page/run-comparison.js';
import type { RunView } from '../../../../client/history/run-view.js';

const run = (rate: number, accuracy: number, ms: number) =>
  ({
    pipeline: 'iris',
    status: { kind: 'completed' },
    seed: 0,
    input: { rate },
    startedAt: 0,
    closedAt: ms,
    steps: [{ id: 'fit', metrics: { accuracy }, scheduledAt: 0, endedAt: ms }],
  }) as unknown as RunView;

it('two runs differ leaf by leaf: input, metrics, times', () => {
  const differing = comparedRuns(run(0.1, 0.9, 100), run(0.2, 0.95, 100)).filter(({ isSame }) => !isSame);
  expect(differing).toEqual([
    { part: 'input', name: 'rate', a: 0.1, b: 0.2, isSame: false },
    { part: 'metrics', name: 'fit/accuracy', a: 0.9, b: 0.95, isSame: false },
  ]);
});
