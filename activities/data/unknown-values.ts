import { type Connection, identifier, rowsOf } from './table-query.js';
import { double } from './table-profile.js';

const mostWords = 100;

/**
 * How many of a batch's numbers lie outside of the reference's ranges, widened by half their width on each side, column by
 * column.
 */
export async function numbersOutside(
  connection: Connection,
  ranges: ReadonlyMap<string, readonly [number, number]>,
): Promise<Map<string, number>> {
  if (ranges.size === 0) return new Map();
  const counts = [...ranges].map(([name, range], i) => {
    const [low, high] = widened(range).map(double);
    return `count(CASE WHEN ${identifier(name)}::DOUBLE NOT BETWEEN ${low} AND ${high} THEN 1 END) AS outside_${i}`;
  });
  const [row = {}] = await rowsOf(connection, `SELECT ${counts.join(', ')} FROM batch`);
  return new Map([...ranges.keys()].map((name, i) => [name, Number(row[`outside_${i}`])]));
}

/** A constant has no width: a millionth of it allows for another writer's single precision. */
function widened([least, most]: readonly [number, number]): [number, number] {
  const more = Math.max((most - least) / 2, 1e-6 * Math.max(Math.abs(least), Math.abs(most)));
  return [least - more, most + more];
}

/** How many of a batch's words the reference does not have, and how many it has; undefined where it has over 100. */
export async function wordsUnknown(
  connection: Connection,
  column: string,
): Promise<{ readonly unknown: number; readonly known: number } | undefined> {
  const word = `${identifier(column)}::VARCHAR`;
  const [row = {}] = await rowsOf(
    connection,
    `WITH known AS MATERIALIZED (
       SELECT DISTINCT ${word} AS word FROM reference WHERE ${identifier(column)} IS NOT NULL LIMIT ${mostWords + 1}
     )
     SELECT (SELECT count(*) FROM known) AS known,
       (SELECT count(*) FROM batch
        WHERE ${identifier(column)} IS NOT NULL AND ${word} NOT IN (SELECT word FROM known)) AS unknown`,
  );
  const known = Number(row['known']);
  return known > mostWords ? undefined : { known, unknown: Number(row['unknown']) };
}

/** How many of a batch's words are no numbers, for a column that should have numbers. */
export async function wordsNoNumbers(connection: Connection, column: string): Promise<number> {
  const name = identifier(column);
  const [row = {}] = await rowsOf(
    connection,
    `SELECT count(*) FILTER (${name} IS NOT NULL AND TRY_CAST(${name}::VARCHAR AS DOUBLE) IS NULL) AS count FROM batch`,
  );
  return Number(row['count']);
}
