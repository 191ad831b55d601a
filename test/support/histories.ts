import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { type History, historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import type { Evertrain } from '../../client/evertrain.js';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Bundle } from '../../worker/bundle.js';

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
 * Runs the workflow code of a bundle against a recorded history. Throws Temporal's DeterminismViolationError where the
 * code asks for something else than what was recorded.
 */
export async function replayHistory(bundle: Bundle, history: History): Promise<void> {
  // Ids of children derive from the run's own, so it has to replay under the same.
  const id = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  await Worker.runReplayHistory({ workflowBundle: { code: bundle.code } }, history, id || 'replay');
}
