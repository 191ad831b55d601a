import { runRecordKey, runRecordsPrefix } from '../../activities/sdk/journal/keys.js';
import { journalKey, type Journal } from '../../activities/sdk/ports.js';
import type { RunView } from '../history/run-view.js';

/**
 * What a run's end wrote of it, which outlives its history in the engine: of this run, or of the newest of the id.
 * `undefined` where there is none.
 */
export async function readRunRecord(
  journal: Journal,
  workflowId: string,
  runId?: string,
): Promise<RunView | undefined> {
  const keys =
    runId === undefined
      ? await journal.list(journalKey(runRecordsPrefix, workflowId))
      : [runRecordKey(workflowId, runId)];
  const texts = await Promise.all(keys.map((key) => journal.get(key)));
  const views = texts.flatMap((text) => (text === undefined ? [] : [(JSON.parse(text) as { view: RunView }).view]));
  return views.sort((a, b) => b.startedAt - a.startedAt)[0];
}
