import { chiSquareTail } from '../statistics/chi-square.js';
import { type Connection, rowsOf } from '../data/table-query.js';
import type { Comparison } from './column-pairs.js';
import type { LoadedPair } from './loaded-pairs.js';
import { stabilityIndex } from './stability-index.js';

const fewestExpected = 5;
const mostCategories = 1_000;

/**
 * Two samples of words: the χ² test of homogeneity and the stability index, over the same cells. Words of which both
 * sides together have so few that fewer than 5 are expected on the smaller side are one cell, with as many of the next
 * rarest as it needs to be expected 5 times itself. That looks at both sides' sum only, so a word that is new is no cell by
 * being new: of samples of one population some words are always in one only.
 *
 * A string says why there is nothing to compare.
 */
export async function compareCategories(
  connection: Connection,
  { pair, column, tables }: LoadedPair,
): Promise<Comparison | string> {
  const [m, n] = [pair.reference.values, pair.window.values];
  const smaller = Math.min(n, m) / (n + m);
  const side = (table: string) =>
    `SELECT ${column} AS word, count(*)::DOUBLE AS found FROM ${table} WHERE ${column} IS NOT NULL GROUP BY 1`;
  const [row = {}] = await rowsOf(
    connection,
    `WITH words AS MATERIALIZED (
       SELECT word, coalesce(expected.found, 0) AS r, coalesce(served.found, 0) AS w, ${smaller} * (r + w) AS few
       FROM (${side(tables.reference)}) AS expected FULL JOIN (${side(tables.window)}) AS served USING (word)
     ), ordered AS (
       SELECT word, r, w, few, sum(few) OVER (ORDER BY few, word ROWS UNBOUNDED PRECEDING) - few AS rarer FROM words
     ), cells AS (
       SELECT sum(r) AS r, sum(w) AS w FROM ordered
       GROUP BY CASE WHEN few >= ${fewestExpected} AND (rarer < 1e-9 OR rarer >= ${fewestExpected}) THEN word END
     ), ${stabilityIndex(n, m)}
     SELECT psi, cells,
       (SELECT sum((r * ${n} - w * ${m}) ** 2 / (r + w)) / ${n} / ${m} FROM cells) AS statistic,
       (SELECT count(*) FILTER (r > 0) FROM words) AS known,
       (SELECT count(*) FILTER (r = 0) FROM words) AS unknown
     FROM stability`,
  );
  const [cells, known, unknown] = [Number(row['cells']), Number(row['known']), Number(row['unknown'])];
  if (known > mostCategories) return 'over 1,000 distinct words, as of an id';
  if (cells === 1 && known > 1) return 'each of its words is too rare, as of an id';
  const statistic = Number(row['statistic']);
  return {
    psi: Number(row['psi']),
    cells,
    statistic,
    pValue: chiSquareTail(statistic, cells - 1),
    newCategories: unknown,
  };
}
