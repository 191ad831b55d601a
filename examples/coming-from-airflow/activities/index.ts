import { implement, implementPython, implementSql } from 'evertrain/activities';
import type { Artifact } from 'evertrain';
import * as steps from '../workflows/contracts.js';

const { lake } = steps;
const measures = ['Culmen Length (mm)', 'Culmen Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)'];
const isComplete = measures.map((name) => `"${name}" IS NOT NULL`).join(' AND ');
const penguins = "read_csv($1, nullstr = 'NA')";

// what does the work: an operator is a function beside the contract
export const activities = [
  implementSql(
    steps.clean,
    lake,
    `SELECT "Sample Number" AS id, "Sample Number" % 4 = 0 AS held, split_part(Species, ' ', 1) AS species,
      ${measures.map((name, n) => `"${name}" AS m${n}`).join(', ')} FROM ${penguins} WHERE ${isComplete} ORDER BY ALL`,
    { params: ({ source }) => [source], as: 'parquet' },
  ),
  implementSql(
    steps.quality,
    lake,
    `SELECT count(*) AS rows, count(*) FILTER (${isComplete}) / count(*) AS complete FROM ${penguins}`,
    { params: ({ source }) => [source], as: 'row' },
  ),
  implementSql(steps.extract, lake, 'SELECT *, m0 / m1 AS m4 FROM read_parquet($1)', table()),
  implementSql(steps.bills, lake, 'SELECT held, species, m0, m1 FROM read_parquet($1)', table()),
  implementSql(steps.bodies, lake, 'SELECT m2, m3 FROM read_parquet($1)', table()),
  implementSql(steps.join, lake, 'SELECT * FROM read_parquet($1) POSITIONAL JOIN read_parquet($2)', {
    params: ({ left, right }) => [left, right],
    as: 'parquet',
  }),
  implementSql(steps.squares, lake, 'SELECT i, i * i AS square FROM range($1) AS t(i)', {
    params: ({ rows }) => [rows],
    as: 'parquet',
  }),
  implementSql(steps.total, lake, 'SELECT sum(square)::DOUBLE AS total FROM read_parquet($1)', {
    params: ({ table: of }) => [of],
    as: 'row',
  }),
  implementPython(steps.train, 'python/penguins.py:train'),
  implementPython(steps.evaluate, 'python/penguins.py:evaluate'),
  implementPython(steps.preprocess, 'python/penguins.py:preprocess'),
  implementPython(steps.trainScaled, 'python/penguins.py:train_scaled'),
  implementPython(steps.evaluateScaled, 'python/penguins.py:evaluate_scaled'),
  implementPython(steps.trainLong, 'python/penguins.py:train_long'),
  implement(steps.tell, ({ text }, { log }) => {
    log.warn(text);
  }),
];

function table() {
  return { params: ({ table: of }: { table: Artifact }) => [of], as: 'parquet' as const };
}
