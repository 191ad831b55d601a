import { readdir } from 'node:fs/promises';
import { listSegments, logFolder } from '../../../../serving/prediction-log/segment.js';
import { predictionSources } from '../../../../serving/prediction-log/sources.js';
import { expected, floats, type Harness, infer, query } from '../support.js';

export const irisRow = expected['iris-v1'].rows[0] as number[];

export type LoggedRow = Record<string, unknown>;

/** Every row of a model's log as readers see it, in the order of ids and rows. */
export async function loggedRows(dataDir: string, model = 'm'): Promise<LoggedRow[]> {
  const sources = await predictionSources(await listSegments(logFolder(dataDir, model)), 0);
  if (sources.length === 0) return [];
  const selects = sources.map(({ from }) => `SELECT * FROM ${from} WHERE id IS NOT NULL`);
  return query(`SELECT * FROM (${selects.join(' UNION ALL BY NAME ')}) ORDER BY id, "row"`);
}

export async function filesOf(dataDir: string, model = 'm'): Promise<string[]> {
  return readdir(logFolder(dataDir, model)).catch(() => []);
}

/** One iris, with an id of ours. */
export async function predictIris(harness: Harness, id: string, rows: readonly number[][] = [irisRow]): Promise<void> {
  const { status, body } = await infer(harness.server, { id, inputs: [floats('X', rows)] });
  if (status !== 200) throw new Error(JSON.stringify(body));
}
