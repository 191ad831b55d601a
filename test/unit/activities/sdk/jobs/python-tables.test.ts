import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { implementPython, type PythonImplementation } from '../../../../../activities/sdk/jobs/implement-python.js';
import { configurePython } from '../../../../../activities/sdk/jobs/python-environment.js';
import type { Artifact } from '../../../../../workflows/sdk/artifact.js';
import { step } from '../../../../../workflows/sdk/step.js';
import { ensurePython } from '../../../../../worker/setup/python.mjs';
import { type PythonProject, pythonProject } from '../../../../support/python-project.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const code = `
import random
import numpy, pandas

def write():
    frame = pandas.DataFrame({"x": [1, 2, 3], "y": ["a", "b", None]})
    return {
        "frame": frame.iloc[[2, 0]],
        "series": pandas.Series([0.5, 0.25], index=pandas.Index(["a", "b"], name="key")),
        "matrix": numpy.eye(2),
        "vector": numpy.arange(3),
        "scalar": numpy.float32(0.5),
        "count": numpy.int64(3),
        "flag": numpy.bool_(True),
        "nothing": numpy.array(4),
    }

def read(frame, series, matrix, vector, csv):
    return {
        "frame": frame.read_table().fillna("-").to_dict("list"),
        "series": series.read_table()["value"].to_dict(),
        "matrix": list(matrix.read_table().columns),
        "vector": vector.read_table()["value"].tolist(),
        "csv": csv.read_table()["b"].tolist(),
    }

def cube():
    return {"cube": numpy.zeros((2, 2, 2))}

def draw():
    return {"numpy": numpy.random.rand(3).tolist(), "random": random.random()}

def nan():
    return {"score": numpy.float64("nan")}
`;

let project: PythonProject;
let context: TestContext;
let script: string;
const open: PythonImplementation[] = [];

beforeAll(async () => {
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  project = await pythonProject();
  script = await project.write('tables.py', code);
}, 300_000);
beforeEach(async () => {
  context = await testContext();
});
afterEach(() => context.remove());
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()));
  configurePython(undefined);
  await project.remove();
});

function run(name: string, input: unknown, options = {}, at = context): Promise<unknown> {
  const implementation = implementPython(step('test.tables'), `${script}:${name}`, options);
  open.push(implementation);
  return implementation.run(input, at);
}

describe('tables and arrays of a Python step', () => {
  it('travel as Parquet, NumPy scalars as numbers', async () => {
    const written = (await run('write', {})) as Record<string, Artifact>;
    const tables = ['frame', 'series', 'matrix', 'vector'];
    expect(tables.map((name) => written[name]?.mediaType)).toEqual(Array(4).fill('application/vnd.apache.parquet'));
    expect(written).toMatchObject({ scalar: 0.5, count: 3, flag: true, nothing: 4 });
    const csv = await context.artifacts.putBytes(Buffer.from('a,b\n1,2\n3,4\n'), 'text/csv');
    const { frame, series, matrix, vector } = written;
    expect(await run('read', { frame, series, matrix, vector, csv })).toEqual({
      frame: { x: [3, 1], y: ['-', 'a'] },
      series: { a: 0.5, b: 0.25 },
      matrix: ['column_0', 'column_1'],
      vector: [0, 1, 2],
      csv: [2, 4],
    });
  });

  it('have the same bytes each time', async () => {
    const [first, second] = (await Promise.all([run('write', {}), run('write', {})])) as Record<string, Artifact>[];
    expect(second).toEqual(first);
  });

  it('are refused with more than two dimensions', async () => {
    await expect(run('cube', {})).rejects.toThrow('output.cube has 3 dimensions');
  });

  it('refuse NaN as a fact', async () => {
    await expect(run('nan', {})).rejects.toMatchObject({ code: 'USER_OUTPUT_INVALID' });
  });
});

describe('jobs that are forked from one host at the same time', () => {
  it('draw different numbers, each the same again by the seed of its step, forked or not', async () => {
    const other = await testContext({ seed: 8 });
    const [first, differs, again, fresh] = (await Promise.all([
      run('draw', {}),
      run('draw', {}, {}, other),
      run('draw', {}),
      run('draw', {}, { fresh: true }),
    ])) as { numpy: number[]; random: number }[];
    expect(again).toEqual(first);
    expect(fresh).toEqual(first);
    expect(differs?.numpy).not.toEqual(first?.numpy);
    expect(differs?.random).not.toBe(first?.random);
    await other.remove();
  });
});
