import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { fileArtifactStore } from '../../../activities/sdk/store/file-artifact-store.js';
import { predictBatch } from '../../../serving/predict-batch.js';
import { expected, fixturePath, query, temporaryFolder } from './support.js';

let folder = '';
beforeEach(async () => {
  folder = await temporaryFolder();
});

const irisColumns = ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'];
const irisRows = expected['iris-v1'].rows;

async function csv(name: string, header: readonly string[], rows: readonly (readonly unknown[])[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`);
  return path;
}

/** The columns in another order, between others, one of them a name that the model answers with. */
function irisCsv(): Promise<string> {
  const header = ['id', 'petal_width', 'petal_length', 'label', 'sepal_width', 'sepal_length'];
  return csv(
    'iris.csv',
    header,
    irisRows.map(([sl, sw, pl, pw], i) => [100 + i, pw, pl, `was ${i}`, sw, sl]),
  );
}

describe('scoring a table', () => {
  test.each(['parquet', 'csv', 'json', 'jsonl'])(
    'writes %s with the answers of scikit-learn, whatever the order of the columns',
    async (format) => {
      const output = join(folder, `scored.${format}`);
      const result = await predictBatch({
        model: fixturePath('iris-v1'),
        input: await irisCsv(),
        output,
        batchSize: 4,
      });
      const predictions = ['label_predicted', 'probabilities_0', 'probabilities_1', 'probabilities_2'];
      expect(result).toEqual({ rows: 15, output, features: irisColumns, predictions });
      const reader = format === 'parquet' ? 'read_parquet' : format === 'csv' ? 'read_csv' : 'read_json';
      const rows = await query(`SELECT * FROM ${reader}('${output}')`);
      expect(Object.keys(rows[0] ?? {})).toEqual([
        'id',
        'petal_width',
        'petal_length',
        'label',
        'sepal_width',
        'sepal_length',
        ...predictions,
      ]);
      rows.forEach((row, i) => {
        expect([Number(row['id']), row['label'], Number(row['label_predicted'])]).toEqual([
          100 + i,
          `was ${i}`,
          expected['iris-v1'].label[i],
        ]);
        expected['iris-v1'].probabilities[i]?.forEach((p, k) =>
          expect(Number(row[`probabilities_${k}`])).toBeCloseTo(p, 5),
        );
      });
      expect((await readdir(folder)).sort()).toEqual(['iris.csv', `scored.${format}`]);
      if (format === 'json') expect(JSON.parse(await readFile(output, 'utf8'))).toHaveLength(15);
    },
  );

  test('goes round: what it wrote can be scored again, in each format', async () => {
    let input = await irisCsv();
    for (const format of ['json', 'parquet', 'jsonl', 'csv']) {
      const output = join(folder, `round.${format}`);
      await predictBatch({ model: fixturePath('iris-v1'), input, output });
      const plain = join(folder, `plain.${format}`);
      const kind = format === 'parquet' ? 'FORMAT parquet' : format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT json';
      await query(`COPY (SELECT ${irisColumns.join(', ')} FROM '${output}') TO '${plain}' (${kind})`);
      input = plain;
    }
    const rows = await query(`SELECT label FROM '${join(folder, 'round.csv')}'`);
    expect(rows.map((row) => Number(row['label']))).toEqual(expected['iris-v1'].label);
  });

  test('takes a model with one input a column, and its columns by another name when told', async () => {
    const { columns, rows, variable } = expected.diabetes;
    const output = join(folder, 'scored.parquet');
    const input = await csv(
      'diabetes.csv',
      ['s5', 'bmi', 'bp'],
      rows.map(([bmi, bp, s5]) => [s5, bmi, bp]),
    );
    expect(await predictBatch({ model: fixturePath('diabetes'), input, output })).toMatchObject({
      features: columns,
      predictions: ['variable'],
    });
    const renamed = await csv(
      'renamed.csv',
      ['c', 'a', 'b'],
      rows.map(([bmi, bp, s5]) => [s5, bmi, bp]),
    );
    const other = join(folder, 'other.parquet');
    await predictBatch({ model: fixturePath('diabetes'), input: renamed, output: other, columns: ['a', 'b', 'c'] });
    for (const path of [output, other]) {
      const scored = await query(`SELECT variable FROM '${path}'`);
      scored.forEach((row, i) => expect(row['variable']).toBeCloseTo(variable[i] as number, 3));
    }
  });

  test('takes text columns as they stand, and a model from the artifact store', async () => {
    const store = fileArtifactStore(join(folder, 'artifacts'));
    const artifact = await store.put({ path: fixturePath('penguins') }, 'application/onnx');
    const { diet, weight, label } = expected.penguins;
    const input = await csv(
      'penguins.csv',
      ['diet', 'weight'],
      diet.map((d, i) => [d, weight[i]]),
    );
    const output = join(folder, 'scored.csv');
    await predictBatch({ model: { artifact, store }, input, output });
    expect((await query(`SELECT label FROM '${output}'`)).map((row) => row['label'])).toEqual(label);
  });

  test('reads codes made of digits as text where the model takes text', async () => {
    const input = await csv('codes.csv', ['code'], [['01'], ['1']]);
    const output = join(folder, 'scored.parquet');
    await predictBatch({ model: fixturePath('text'), input, output });
    expect(await query(`SELECT * FROM '${output}'`)).toEqual([
      { code: '01', same: '01' },
      { code: '1', same: '1' },
    ]);
  });

  test('keeps the order of more rows than a chunk holds, 64-bit integers and all numeric columns without a list', async () => {
    const input = join(folder, 'many.parquet');
    await query(
      `COPY (SELECT 9007199254740993 + range AS key, 'r' || range AS name, (range % 5)::FLOAT AS x FROM range(10000)) TO '${input}' (FORMAT parquet)`,
    );
    const output = join(folder, 'scored.parquet');
    const result = await predictBatch({ model: fixturePath('times-2'), input, output, batchSize: 3000 });
    expect(result).toMatchObject({ rows: 10_000, features: ['x'], predictions: ['y'] });
    const [row] = await query(
      `SELECT count(*) AS n, bool_and(y = 2 * x) AS right, bool_and(key = 9007199254740993 + r AND name = 'r' || r) AS ordered FROM (SELECT *, row_number() OVER () - 1 AS r FROM '${output}')`,
    );
    expect(row).toEqual({ n: '10000', right: true, ordered: true });
  });
});

describe('a table that does not fit is refused, and nothing is left behind', () => {
  const irisHeader = [...irisColumns];
  const cases: [name: string, header: string[], rows: unknown[][], error: RegExp][] = [
    [
      'a missing column',
      irisHeader.slice(1),
      [[1, 2, 3]],
      /has no column sepal_length; it has sepal_width, petal_length, petal_width/,
    ],
    [
      'a word',
      irisHeader,
      [
        [1, 2, 3, 4],
        [1, 'wide', 3, 4],
      ],
      /Row 2, column sepal_width is "wide"; the model takes finite numbers \(FP32\)/,
    ],
    [
      'an empty cell',
      irisHeader,
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
        [1, 2, '', 4],
      ],
      /Row 3, column petal_length is null/,
    ],
    ['NaN', irisHeader, [[1, 2, 3, 'nan']], /Row 1, column petal_width is "nan"/],
    [
      'a number beyond FP32',
      irisHeader,
      [
        [1, 2, 3, 4],
        [1, 2, 3, '1e60'],
      ],
      /Row 2, column petal_width is "1e60"|1e\+60/,
    ],
    ['a date', irisHeader, [[1, 2, 3, '2024-01-01']], /Row 1, column petal_width is "2024-01-01"/],
    ['no rows', irisHeader, [], /bad\.csv has no rows to score/],
  ];

  test.each(cases)('%s', async (_name, header, rows, error) => {
    const input = await csv('bad.csv', header, rows);
    const output = join(folder, 'scored.parquet');
    await writeFile(output, 'what was there before');
    await expect(predictBatch({ model: fixturePath('iris-v1'), input, output })).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringMatching(error),
    });
    expect((await readdir(folder)).sort()).toEqual(['bad.csv', 'scored.parquet']);
    expect(await readFile(output, 'utf8')).toBe('what was there before');
  });

  test('a late word in a long column, found by its row', async () => {
    const rows = Array.from({ length: 50_000 }, (_, i) => [1, 2, 3, i === 40_001 ? 'late' : 4]);
    const input = await csv('long.csv', irisHeader, rows);
    await expect(predictBatch({ model: fixturePath('iris-v1'), input, output: join(folder, 'o.csv') })).rejects.toThrow(
      /Row 40002, column petal_width is "late"/,
    );
  });

  test('text that looks like numbers in a typed file', async () => {
    const input = join(folder, 'text.json');
    await writeFile(input, JSON.stringify([{ x: '1.5' }]));
    await expect(
      predictBatch({ model: fixturePath('times-1'), input, output: join(folder, 'o.csv'), columns: ['x'] }),
    ).rejects.toThrow(/Row 1, column x is "1\.5"/);
  });

  test('a fraction for an integer input', async () => {
    const input = await csv('index.csv', ['index'], [[1], [2], [2.5]]);
    await expect(predictBatch({ model: fixturePath('lookup'), input, output: join(folder, 'o.csv') })).rejects.toThrow(
      /Row 3, column index is "2\.5"; the model takes integers \(INT64\)/,
    );
  });

  test('values that the model cannot compute with', async () => {
    const input = await csv('index.csv', ['index'], [[1], [99]]);
    await expect(predictBatch({ model: fixturePath('lookup'), input, output: join(folder, 'o.csv') })).rejects.toThrow(
      /idx=99/,
    );
    expect(await readdir(folder)).toEqual(['index.csv']);
  });

  test('a wrong number of columns', async () => {
    const input = await irisCsv();
    await expect(
      predictBatch({ model: fixturePath('iris-v1'), input, output: join(folder, 'o.csv'), columns: ['sepal_width'] }),
    ).rejects.toThrow(/Input X takes 4 feature column\(s\), and columns names 1: sepal_width/);
    await expect(
      predictBatch({ model: fixturePath('iris-zipmap'), input, output: join(folder, 'o.csv') }),
    ).rejects.toThrow(/zipmap=False/);
  });

  test.each([
    ['a missing input', { input: 'none.csv' }, 'USER_FILE_NOT_FOUND'],
    ['a missing model', { model: 'none.onnx' }, 'USER_FILE_NOT_FOUND'],
    ['a missing folder', { output: join('none', 'o.csv') }, 'USER_FILE_NOT_FOUND'],
    ['an unknown format', { output: 'o.xlsx' }, 'USER_OPTION_INVALID'],
    ['a batch size of zero', { batchSize: 0 }, 'USER_OPTION_INVALID'],
    ['a Parquet file that is none', { input: 'fake.parquet' }, 'USER_DATA_MALFORMED'],
  ])('%s', async (_name, changes, code) => {
    await writeFile(join(folder, 'fake.parquet'), 'a,b\n');
    await csv('x.csv', ['x'], [[1]]);
    const options = { input: 'x.csv', output: 'o.csv', ...changes };
    const paths = { input: join(folder, options.input), output: join(folder, options.output) };
    const within = 'model' in changes ? join(folder, String(changes.model)) : fixturePath('times-1');
    const size = 'batchSize' in changes ? { batchSize: changes.batchSize } : {};
    await expect(predictBatch({ model: within, ...paths, ...size })).rejects.toMatchObject({ code });
  });
});
