import type { Client } from '@temporalio/client';
import { sendWebhook } from '../activities/notification/send-webhook.js';
import { fetchHistory } from '../client/history/fetch.js';
import type { Bundle } from './bundle.js';
import { onMismatch, workerLog } from './log.js';
import { replay } from './replay.js';

/**
 * Tells of runs that stand still because their history does not fit this worker's code, each once: which step, which line.
 * Temporal tries such a run again for ever, so that the old code may come back. Answers what ends the watch.
 */
export function watchMismatches(client: Client, bundle: Bundle, webhook: string | undefined): () => void {
  const told = new Set<string>();
  // One after the other: many runs may stand still at once, and a replay takes a core.
  let last = Promise.resolve();
  return onMismatch((runId) => {
    if (told.has(runId)) return;
    told.add(runId);
    last = last
      .then(() => tell(client, bundle, webhook, runId))
      .catch((error: unknown) => {
        workerLog.error({ run: runId, error }, 'a run does not fit the code of this worker, and why was not found');
      });
  });
}

async function tell(client: Client, bundle: Bundle, webhook: string | undefined, runId: string): Promise<void> {
  for await (const { workflowId, type } of client.workflow.list({ query: `RunId = '${runId}'` })) {
    const mismatch = await replay(bundle, await fetchHistory(client, workflowId, runId));
    if (mismatch === undefined) return;
    const { message } = mismatch;
    workerLog.error({ workflow: workflowId, run: runId }, `a run stands still: ${message}`);
    if (webhook === undefined) return;
    await sendWebhook(
      webhook,
      { kind: 'run-blocked', pipeline: type, workflowId, runId, message },
      { activityId: 'mismatch' },
    );
  }
}
