import { type Connection, identifier, rowsOf } from './table-query.js';
import { double } from './table-profile.js';

const fewestRows = 30;
const mostNumbers = 20;

export interface LabelShift {
  /** Total variation distance: half the sum of how far the shares of each value lie apart, from 0 to 1. */
  readonly distance: number;
  /** What the distance is on average between samples of these sizes from one population. */
  readonly byChance: number;
}

/**
 * How differently a label is spread in batch and reference; undefined where one of both has fewer than 30 labelled rows.
 *
 * Few rows lie apart by chance alone: 30 rows of 20 equally likely classes by about 0.3. A share p of n rows has, in the
 * normal approximation, the mean absolute error √(2·p(1−p)/(π·n)), and of two samples 1/n is 1/n + 1/m.
 */
export async function labelShift(
  connection: Connection,
  label: string,
  isNumber: boolean,
): Promise<LabelShift | undefined> {
  const key = isNumber ? await numberKey(connection, label) : `${identifier(label)}::VARCHAR`;
  const counted = (table: string) =>
    `SELECT ${key} AS key, count(*) AS count FROM ${table} WHERE ${identifier(label)} IS NOT NULL GROUP BY 1`;
  const [row = {}] = await rowsOf(
    connection,
    `WITH counts AS (
       SELECT coalesce(expected.count, 0) AS expected, coalesce(found.count, 0) AS found
       FROM (${counted('reference')}) AS expected FULL JOIN (${counted('batch')}) AS found USING (key)
     ), totals AS (SELECT sum(expected)::DOUBLE AS m, sum(found)::DOUBLE AS n FROM counts)
     SELECT any_value(m) AS m, any_value(n) AS n, sum(abs(expected / m - found / n)) / 2 AS distance,
       sum(sqrt(expected / m * (1 - expected / m) * (1 / m + 1 / n) / (2 * pi()))) AS by_chance
     FROM counts, totals WHERE m >= ${fewestRows} AND n >= ${fewestRows}`,
  );
  if (row['m'] === null) return undefined;
  return { distance: Number(row['distance']), byChance: Number(row['by_chance']) };
}

/** The number itself, or, of more than 20, how many of the reference's deciles lie below it. */
async function numberKey(connection: Connection, label: string): Promise<string> {
  const number = `${identifier(label)}::DOUBLE`;
  const deciles = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `quantile_cont(${number}, 0.${i}) AS decile_${i}`);
  const [row = {}] = await rowsOf(
    connection,
    `SELECT count(DISTINCT ${number}) AS distinct_numbers, ${deciles.join(', ')} FROM reference`,
  );
  if (Number(row['distinct_numbers']) <= mostNumbers) return number;
  return deciles.map((_, i) => `(${number} > ${double(Number(row[`decile_${i + 1}`]))})::INTEGER`).join(' + ');
}
