import type { Source } from './sources.js';

/**
 * Predictions with the newest label of their row. A prediction or a label counts as a class when it is a word, an integer
 * or a boolean, and `1`, `1.0` and `true` are one class. Failed rows are left out; a challenger's unheard answers count.
 */

/** A class in its one spelling. */
const normalized = `CREATE MACRO normalized(t) AS CASE
  WHEN lower(t) IN ('true', 'false') THEN CASE lower(t) WHEN 'true' THEN '1' ELSE '0' END
  WHEN regexp_full_match(t, '[+-]?[0-9]+') THEN coalesce(CAST(TRY_CAST(t AS HUGEINT) AS VARCHAR), t)
  WHEN TRY_CAST(t AS DOUBLE) = trunc(TRY_CAST(t AS DOUBLE)) AND abs(TRY_CAST(t AS DOUBLE)) < 9e15
    THEN CAST(CAST(TRY_CAST(t AS DOUBLE) AS HUGEINT) AS VARCHAR)
  ELSE t END`;

const numbers = `'FLOAT', 'DOUBLE', 'TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UTINYINT', 'USMALLINT', 'UINTEGER', 'UBIGINT'`;

function predictions(sources: readonly Source[], sinceMs: number): string {
  const selects = sources.map(
    ({ from }) => `SELECT id, "row", version, "at", CAST(prediction AS VARCHAR) AS said,
      typeof(prediction) IN ('FLOAT', 'DOUBLE') AS is_float,
      CASE WHEN typeof(prediction) IN (${numbers}) THEN TRY_CAST(prediction AS DOUBLE) END AS said_number,
      CASE WHEN len(probabilities) = 2 THEN probabilities[1] END AS p1,
      CASE WHEN len(probabilities) = 2 THEN probabilities[2] END AS p2
      FROM ${from} WHERE id IS NOT NULL AND error IS NULL AND "at" >= ${sinceMs}`,
  );
  return selects.join(' UNION ALL ');
}

/** Table `scored`: each labelled prediction once, of several with the same id the newest. */
export function scoredTable(sources: readonly Source[], labels: string, sinceMs: number): string[] {
  return [
    normalized,
    `CREATE TABLE scored AS
    WITH newest AS (
      SELECT id, "row", label->>'$' AS label, json_type(label) AS kind FROM ${labels} WHERE id IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY id, "row" ORDER BY "at" DESC, seq DESC) = 1
    ), joined AS (
      SELECT p.*, newest.label, newest.kind FROM (${predictions(sources, sinceMs)}) p
      JOIN newest ON p.id = newest.id AND p."row" = newest."row" WHERE said IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY p.id, p."row", p.version ORDER BY p."at" DESC) = 1
    )
    SELECT version, normalized(label) AS label, normalized(said) AS said, p1, p2,
      CASE WHEN kind IN ('DOUBLE', 'BIGINT', 'UBIGINT') THEN said_number - CAST(label AS DOUBLE) END AS error,
      CASE WHEN NOT is_float AND NOT (kind = 'DOUBLE' AND normalized(label) LIKE '%.%')
        THEN CAST(normalized(label) = normalized(said) AS DOUBLE) END AS correct
    FROM joined`,
  ];
}

export function momentsQuery(): string {
  const moments = (name: string, value: string): string =>
    `CAST(count(${value}) AS DOUBLE) AS ${name}_count, avg(${value}) AS ${name}_mean, var_samp(${value}) AS ${name}_variance`;
  return `SELECT version, CAST(count(*) AS DOUBLE) AS labels, ${moments('accuracy', 'correct')},
    ${moments('absolute', 'abs(error)')}, ${moments('squared', 'error * error')} FROM scored GROUP BY version`;
}

export function countQuery(sources: readonly Source[], sinceMs: number): string {
  return `SELECT version, CAST(count(*) AS DOUBLE) AS predictions FROM (${predictions(sources, sinceMs)}) GROUP BY version`;
}

/**
 * The area under the ROC curve from the sum of the positives' ranks, ties by their mean rank (Mann and Whitney). The
 * second probability is that of the class which is predicted where it is the greater one; where it never is, that of the
 * greater label, as scikit-learn orders them.
 */
export function aucQuery(): string {
  return `WITH classes AS (
      SELECT version, coalesce(mode(said) FILTER (WHERE p2 > p1), CASE
        WHEN bool_and(TRY_CAST(label AS DOUBLE) IS NOT NULL) THEN arg_max(label, TRY_CAST(label AS DOUBLE))
        ELSE max(label) END) AS positive
      FROM scored WHERE correct IS NOT NULL AND p2 IS NOT NULL GROUP BY version HAVING count(DISTINCT label) = 2
    ), ranked AS (
      SELECT s.version, s.label = c.positive AS is_positive,
        rank() OVER (PARTITION BY s.version ORDER BY p2) + (count(*) OVER (PARTITION BY s.version, p2) - 1) / 2.0 AS rank
      FROM scored s JOIN classes c ON s.version = c.version WHERE correct IS NOT NULL AND p2 IS NOT NULL
    ), sums AS (
      SELECT version, sum(rank) FILTER (WHERE is_positive) AS ranks, CAST(count(*) FILTER (WHERE is_positive) AS DOUBLE) AS n1,
        CAST(count(*) FILTER (WHERE NOT is_positive) AS DOUBLE) AS n0 FROM ranked GROUP BY version
    )
    SELECT version, CAST((ranks - n1 * (n1 + 1) / 2) / (n1 * n0) AS DOUBLE) AS auc, n1 AS positives, n0 AS negatives
    FROM sums WHERE n1 > 0 AND n0 > 0`;
}
