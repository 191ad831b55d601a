import { join } from 'node:path';
import { expect } from 'vitest';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { runRecordKey } from '../../activities/sdk/journal/keys.js';
import type { Run } from '../../client/run.js';
import type { RunView } from '../../client/history/run-view.js';

/** Waits for the record that a closed run leaves in a data folder. */
export async function runRecord(dataDir: string, run: Run<unknown>): Promise<RunView> {
  const { workflowId, runId } = await run.view();
  const journal = fileJournal(join(dataDir, 'journal'));
  const read = () => journal.get(runRecordKey(workflowId, runId));
  await expect.poll(read, { timeout: 20_000, interval: 50 }).toBeDefined();
  return (JSON.parse((await read()) ?? '{}') as { view: RunView }).view;
}
