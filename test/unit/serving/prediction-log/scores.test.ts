import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { PredictionLog } from '../../../../serving/prediction-log/prediction-log.js';
import type { Prediction } from '../../../../serving/prediction.js';
import { type Datatype, datatypeFacts, type Tensor } from '../../../../serving/tensor.js';
import { checkLabels } from '../../../../workflows/sdk/model/labels.js';
import { temporaryFolder } from '../support.js';

const open: PredictionLog[] = [];
afterEach(async () => {
  for (const log of open.splice(0)) await log.close();
});

async function emptyLog(): Promise<PredictionLog> {
  const dataDir = await temporaryFolder();
  const store = fileArtifactStore(join(dataDir, 'artifacts'));
  const log = new PredictionLog({ dataDir, store, log: () => undefined });
  open.push(log);
  return log;
}

function tensor(datatype: Datatype, values: readonly unknown[], width = 1): Tensor {
  const shape = width === 1 ? [values.length] : [values.length / width, width];
  return { datatype, shape, data: datatypeFacts(datatype).pack(values) };
}

function predicted(id: string, outputs: Record<string, Tensor>, changes: Partial<Prediction> = {}): Prediction {
  const rows = Object.values(outputs)[0]?.shape[0] ?? 1;
  const inputs = new Map([
    [
      'x',
      tensor(
        'FP32',
        Array.from({ length: rows }, (_, i) => i),
      ),
    ],
  ]);
  const facts = { model: 'm', version: '1', at: Date.now(), latencyMs: 1, isShadow: false };
  return { id, ...facts, inputs, outputs: new Map(Object.entries(outputs)), ...changes };
}

/** Of 40 rows, by the formulas of test/fixtures/prediction-log-expected.py, which computed what is expected of them. */
const forty = Array.from({ length: 40 }, (_, i) => i);
const truth = forty.map((i) => ((i * 7) % 10 < 4 ? 1 : 0));
const second = forty.map((i) => (((i * 13) % 20) + 8 * (truth[i] as number)) / 32);

const close = (value: number, low: number, high: number) => ({
  value: expect.closeTo(value, 12) as number,
  low: expect.closeTo(low, 12) as number,
  high: expect.closeTo(high, 12) as number,
});

describe('scores of a version', () => {
  it('are those of scikit-learn and SciPy for two classes: accuracy, Wilson, AUC with ties, Hanley and McNeil', async () => {
    const log = await emptyLog();
    const classes = second.map((p) => BigInt(p > 0.5));
    const probabilities = tensor(
      'FP32',
      second.flatMap((p) => [1 - p, p]),
      2,
    );
    log.append(predicted('q', { label: tensor('INT64', classes), probabilities }));
    await log.feedback('m', checkLabels({ id: 'q', label: truth }));
    expect(await log.report('m', 0)).toMatchObject({
      '1': {
        predictions: 40,
        labels: 40,
        accuracy: close(0.85, 0.709276756335103, 0.9293881228267964),
        auc: close(0.9166666666666667, 0.8164075314231237, 1),
      },
    });
    const { accuracy } = (await log.scores('m', 0))['1'] ?? {};
    expect(accuracy).toEqual({ count: 40, mean: 0.85, variance: expect.closeTo(0.13076923076923075, 12) as number });
  });

  it('are those of scikit-learn and SciPy for numbers: errors, normal intervals, the delta method', async () => {
    const log = await emptyLog();
    const values = forty.map((i) => 10 + i * 0.5 + ((i * 11) % 7));
    const said = values.map((value, i) => value + (((i * 5) % 9) - 4) * 0.25);
    log.append(predicted('q', { variable: tensor('FP32', said) }));
    await log.feedback('m', checkLabels({ id: 'q', label: values }));
    const report = (await log.report('m', 0))['1'];
    expect(report).toEqual({
      predictions: 40,
      labels: 40,
      mae: close(0.5625, 0.4605757118607422, 0.6644242881392578),
      rmse: close(0.649519052838329, 0.5613590715004377, 0.7376790341762203),
    });
    const moments = (mean: number, variance: number) => ({ count: 40, mean, variance: expect.closeTo(variance, 12) });
    expect((await log.scores('m', 0))['1']).toEqual({
      absoluteError: moments(0.5625, 0.10817307692307693),
      squaredError: moments(0.421875, 0.1365685096153846),
    });
  });

  it('take 1, 1.0 and true for one class, in words and numbers', async () => {
    const log = await emptyLog();
    const cases: [prediction: Tensor, label: unknown, isRight: boolean][] = [
      [tensor('INT64', [1n]), 1, true],
      [tensor('INT64', [1n]), true, true],
      [tensor('INT64', [1n]), '1', true],
      [tensor('INT64', [1n]), '1.0', true],
      [tensor('INT64', [1n]), false, false],
      [tensor('BOOL', [0]), 'false', true],
      [tensor('BOOL', [0]), 0, true],
      [tensor('BYTES', ['01']), 1, true],
      [tensor('BYTES', ['setosa']), 'setosa', true],
      [tensor('BYTES', ['setosa']), 'Setosa', false],
      [tensor('INT64', [9007199254740993n]), '9007199254740993', true],
      [tensor('INT64', [9007199254740993n]), '9007199254740992', false],
    ];
    for (const [i, [label]] of cases.entries()) log.append(predicted(`q${i}`, { label }, { version: `${i}` }));
    await log.feedback('m', checkLabels(cases.map(([, label], i) => ({ id: `q${i}`, label }))));
    const scores = await log.scores('m', 0);
    expect(cases.map((_, i) => scores[i]?.accuracy?.mean)).toEqual(cases.map(([, , isRight]) => Number(isRight)));
  });

  it('count shadows for their version, and neither failed rows nor what was before', async () => {
    const log = await emptyLog();
    const label = tensor('INT64', [1n]);
    log.append(predicted('a', { label }));
    log.append(predicted('a', { label: tensor('INT64', [0n]) }, { version: '2', isShadow: true }));
    const { outputs: _, ...failed } = predicted('b', { label });
    log.append({ ...failed, error: 'it threw' });
    log.append(predicted('c', { label }, { at: Date.now() - 60_000 }));
    await log.feedback('m', checkLabels(['a', 'b', 'c'].map((id) => ({ id, label: 1 }))));
    const accuracy = (mean: number) => ({ accuracy: { count: 1, mean, variance: 0 } });
    expect(await log.scores('m', Date.now() - 30_000)).toMatchObject({ '1': accuracy(1), '2': accuracy(0) });
    expect(await log.report('m', 0)).toMatchObject({ '1': { predictions: 2, labels: 2 }, '2': { predictions: 1 } });
  });

  it('are none without predictions or labels', async () => {
    const log = await emptyLog();
    expect([await log.scores('m', 0), await log.report('m', 0)]).toEqual([{}, {}]);
    log.append(predicted('a', { label: tensor('INT64', [1n]) }));
    expect(await log.scores('m', 0)).toEqual({});
    expect(await log.report('m', 0)).toEqual({ '1': { predictions: 1, labels: 0 } });
    await log.feedback('m', checkLabels({ id: 'other', label: 1 }));
    expect(await log.scores('m', 0)).toEqual({});
  });

  it('come from 100,000 rows in Parquet, in JSONL and with labels of their own', async () => {
    const log = await emptyLog();
    for (let request = 0; request < 100; request++) {
      const classes = Array.from({ length: 1_000 }, (_, i) => BigInt(i % 4));
      log.append(predicted(`q${request}`, { label: tensor('INT64', classes) }));
      // The buffer is written only when this code waits.
      if (request % 20 === 19) await log.scores('m', 0);
    }
    const labels = Array.from({ length: 1_000 }, (_, i) => i % 5);
    for (let request = 0; request < 100; request++) {
      await log.feedback('m', checkLabels({ id: `q${request}`, label: labels }));
    }
    const { accuracy, absoluteError } = (await log.scores('m', 0))['1'] ?? {};
    // i % 4 = i % 5 for 4 of every 20 rows.
    expect(accuracy).toMatchObject({ count: 100_000, mean: expect.closeTo(0.2, 12) as number });
    expect(absoluteError?.count).toBe(100_000);
  });
});
