/**
 * SQL, after a common table expression `cells(r, w)` with a row for each bin or category and its counts in reference (of
 * `m` values) and window (of `n`): the population stability index Σ (q − p)·ln(q / p) of the shares p and q, and the number
 * of cells that anything falls into.
 *
 * Half a count is added to each cell (Krichevsky and Trofimov), so that an empty one makes the index large, not infinite.
 * Of samples of one population the index is about χ² with cells − 1 degrees of freedom, times 1/n + 1/m (B. Yurdakul,
 * "Statistical properties of the population stability index", 2018).
 */
export function stabilityIndex(n: number, m: number): string {
  return `kept AS (SELECT r, w, count(*) OVER () / 2 AS added FROM cells WHERE r + w > 0),
     shares AS (SELECT (r + 0.5) / (${m} + added) AS p, (w + 0.5) / (${n} + added) AS q FROM kept),
     stability AS (SELECT coalesce(sum((q - p) * ln(q / p)), 0) AS psi, count(*) AS cells FROM shares)`;
}
