import { twoSampleTail } from '../statistics/kolmogorov.js';
import { type Connection, rowsOf } from '../data/table-query.js';
import type { Comparison } from './column-pairs.js';
import type { LoadedPair } from './loaded-pairs.js';
import { stabilityIndex } from './stability-index.js';

/**
 * Two samples of numbers: the two-sample Kolmogorov–Smirnov statistic, and the stability index over the reference's deciles.
 *
 * Both need no more than how many numbers of each side are below, and not above, each number of the reference: the
 * distance of the distribution functions is largest at one of those. A decile is a number of the reference, never between
 * two. Bins end with a decile; a number that two deciles fall on (it is many times there, or all) is a bin alone, so that
 * what lies below a constant is told from it. Infinities are numbers like others, in the outer bins.
 */
export async function compareNumbers(
  connection: Connection,
  { pair, column, tables }: LoadedPair,
): Promise<Comparison> {
  const [m, n] = [pair.reference.values, pair.window.values];
  const side = (table: string, isReference: boolean) =>
    `SELECT ${column} AS x, ${isReference} AS is_reference FROM ${table} WHERE ${column} IS NOT NULL`;
  const [row = {}] = await rowsOf(
    connection,
    `WITH ranked AS (
       SELECT x, is_reference, rank() OVER by_size - 1 AS below, round(cume_dist() OVER by_size * ${n + m}) AS upto
       FROM (${side(tables.reference, true)} UNION ALL ${side(tables.window, false)}) WINDOW by_size AS (ORDER BY x)
     ), counted AS (
       SELECT any_value(below) AS below, any_value(upto) AS upto, count(*) AS own, sum(count(*)) OVER (ORDER BY x) AS r
       FROM ranked WHERE is_reference GROUP BY x
     ), steps AS MATERIALIZED (
       SELECT (r - own)::DOUBLE AS r_below, r::DOUBLE AS r, below - r_below AS w_below, upto - r AS w,
         CASE WHEN r_below = 0 THEN 0 ELSE floor(10 * r_below / ${m}) + 1 END AS first_decile,
         floor(10 * r / ${m}) AS last_decile
       FROM counted
     ), bounds AS (
       SELECT r, w FROM steps WHERE greatest(first_decile, 1) <= least(last_decile, 9)
       UNION ALL SELECT r_below, w_below FROM steps WHERE first_decile < last_decile
       UNION ALL SELECT ${m}, ${n}
     ), cells AS (
       SELECT r - lag(r, 1, 0) OVER in_turn AS r, w - lag(w, 1, 0) OVER in_turn AS w
       FROM bounds WINDOW in_turn AS (ORDER BY r, w)
     ), ${stabilityIndex(n, m)}
     SELECT psi, cells, (
       SELECT max(greatest(abs(r_below / ${m} - w_below / ${n}), abs(r / ${m} - w / ${n}))) FROM steps
     ) AS statistic FROM stability`,
  );
  const statistic = Number(row['statistic']);
  return {
    psi: Number(row['psi']),
    cells: Number(row['cells']),
    statistic,
    pValue: twoSampleTail(statistic, n, m),
  };
}
