import { join } from 'node:path';
import { expect } from 'vitest';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { readRunRecord } from '../../client/cli/run-record.js';
import type { RunView } from '../../client/history/run-view.js';
import type { Run } from '../../client/run.js';

/** Waits for the record that a closed run leaves in a data folder. */
export async function runRecord(dataDir: string, run: Run<unknown>): Promise<RunView> {
  const { workflowId, runId } = await run.view();
  const journal = fileJournal(join(dataDir, 'journal'));
  const read = () => readRunRecord(journal, workflowId, runId);
  await expect.poll(read, { timeout: 20_000, interval: 50 }).toBeDefined();
  return (await read()) as RunView;
}
