import { expect, it } from 'vitest';
import { comparedRuns, comparedVersions } from '../../../../client/dashboard/page/run-comparison.js';
import type { RunView } from '../../../../client/history/run-view.js';
import type { ModelVersion } from '../../../../workflows/sdk/model/model-state.js';

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

it('two versions differ in what they are, and in what their runs were given and took; what made one may be forgotten', () => {
  const version = (accuracy: number, sha256: string) =>
    ({
      metrics: { accuracy },
      parameters: { depth: 3 },
      artifact: { sha256: 'm' },
      trained: { sha256 },
      lineage: { raw: { sha256 } },
    }) as unknown as ModelVersion;
  const a = { version: version(0.9, 'x'), run: { ...run(0.1, 0.9, 100), output: 1 } };
  const b = { version: version(0.95, 'y'), run: { ...run(0.2, 0.95, 100), output: 2 } };
  const names = (rows: ReturnType<typeof comparedVersions>) =>
    rows.filter(({ isSame }) => !isSame).map(({ part, name }) => `${part}: ${name}`);
  const own = ['metrics of the version: accuracy', 'data: trained (sha256)', 'data: raw (sha256)'];
  expect(names(comparedVersions(a, b))).toEqual([...own, 'input: rate', 'metrics: fit/accuracy']);
  expect(names(comparedVersions(a, { ...b, run: undefined }))).toEqual(own);
});
