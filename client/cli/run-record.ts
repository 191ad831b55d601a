import { runRecordKey, runRecordsPrefix } from '../../activities/sdk/journal/keys.js';
import { journalKey, type Journal } from '../../activities/sdk/ports.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { RunView } from '../history/run-view.js';

/** What finds a run by its id: `Evertrain`. */
export interface Runs {
  attach(workflowId: string, runId?: string): { view(): Promise<RunView> };
}

/** A run from its history; one that the engine has forgotten, from its run record. */
export async function viewOrRecord(runs: Runs, journal: Journal, workflowId: string, runId?: string): Promise<RunView> {
  try {
    return await runs.attach(workflowId, runId).view();
  } catch (error) {
    const isUnknown = isEvertrainError(error) && error.code === 'USER_RUN_UNKNOWN';
    const record = isUnknown ? await readRunRecord(journal, workflowId, runId) : undefined;
    if (record === undefined) throw error;
    return record;
  }
}

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
  // Records of earlier releases have neither studies nor fan-outs.
  const viewOf = (text: string): RunView => ({
    studies: [],
    fanOuts: [],
    ...(JSON.parse(text) as { view: Recorded }).view,
  });
  const views = texts.flatMap((text) => (text === undefined ? [] : [viewOf(text)]));
  return views.sort((a, b) => b.startedAt - a.startedAt)[0];
}

type Recorded = Omit<RunView, 'studies' | 'fanOuts'> & Partial<Pick<RunView, 'studies' | 'fanOuts'>>;
