import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { type History, historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import type { Evertrain } from '../../client/evertrain.js';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Bundle } from '../../worker/bundle.js';
import { replay, silentSinks } from '../../worker/replay.js';

/** Writes a run's history to a JSON file; refuses to write over one, since a recorded history is never changed. */
export async function saveHistory(
  evertrain: Evertrain,
  run: { readonly workflowId: string; readonly runId?: string | undefined },
  path: string,
): Promise<void> {
  const history = await fetchHistory(evertrain.client, run.workflowId, run.runId);
  await mkdir(dirname(path), { recursive: true });
  // Where it was recorded is nobody's business: worker identities and stack traces carry it.
  const text = historyToJSON(history).replaceAll(`${process.cwd()}/`, '').replaceAll(`@${hostname()}`, '@host');
  await writeFile(path, `${text}\n`, { flag: 'wx' });
}

export async function loadHistory(path: string): Promise<History> {
  return historyFromJSON(JSON.parse(await readFile(path, 'utf8')));
}

/**
 * Runs the workflow code of a bundle against a recorded history. Fails with USER_REPLAY_INCOMPATIBLE, which names the step
 * and the line, where the code asks for something else than what was recorded.
 */
export async function replayHistory(bundle: Bundle, history: History): Promise<void> {
  const mismatch = await replay(bundle, history);
  if (mismatch !== undefined) throw mismatch;
}

/** The same for many histories by run id, on one worker: only the first that does not replay is told, as Temporal says it. */
export async function replayHistories(bundle: Bundle, histories: ReadonlyMap<string, History>): Promise<void> {
  const list = [...histories].map(([workflowId, history]) => ({ workflowId, history }));
  const options = { workflowBundle: { code: bundle.code }, sinks: silentSinks };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, list)) {
    if (error !== undefined) throw new Error(`${workflowId} does not replay: ${error.message}`, { cause: error });
  }
}
