import { parentPort } from 'node:worker_threads';

/**
 * Runs SQL for the model server in a thread of its own: loading DuckDB alone takes half a second. Each job gets a fresh
 * database in memory, so that nothing is held between them.
 */

/** @typedef {{ id: number, statements: string[], settings: Record<string, string> }} Job */

/** @param {Job} job */
async function run({ statements, settings }) {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((error) => {
    throw Object.assign(error, { isMissing: true });
  });
  const database = await DuckDBInstance.create(':memory:', settings);
  const connection = await database.connect();
  try {
    /** @type {unknown[]} */
    let rows = [];
    for (const statement of statements) rows = await (await connection.run(statement)).getRowObjectsJson();
    return rows;
  } finally {
    connection.closeSync();
    database.closeSync();
  }
}

/** @param {Job} job */
async function answer(job) {
  try {
    parentPort?.postMessage({ id: job.id, rows: await run(job) });
  } catch (error) {
    const { message, isMissing } = /** @type {Error & { isMissing?: boolean }} */ (error);
    parentPort?.postMessage({ id: job.id, error: message, isMissing: isMissing === true });
  }
}

parentPort?.on('message', (/** @type {Job} */ job) => void answer(job));
