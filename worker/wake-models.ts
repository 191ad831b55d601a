import type { Client } from '@temporalio/client';
import { modelMessages, modelWorkflowType } from '../workflows/sdk/model/messages.js';
import type { ModelDefinition } from '../workflows/sdk/model/model.js';
import { memo } from '../workflows/sdk/protocol.js';
import { type Build, isCurrentBuild } from './deployment.js';
import { workerLog } from './log.js';
import { pause } from './pause.js';

interface WakeOptions {
  readonly client: Client;
  readonly models: readonly Pick<ModelDefinition, 'name'>[];
  /** Version of the bundle that this worker serves. */
  readonly code: string;
  readonly version?: Build | undefined;
}

/** The first look comes when this worker serves; a build may become the current one a little later. */
const looksAfterMs = [1_000, 5_000, 30_000];
const everyMs = 10 * 60_000;

/**
 * Tells the models of a project that their code is another one now: each continues as new on it when it has nothing in
 * hand. A model says in its memo which code it began on, so a worker that starts again on the same code wakes nobody.
 * Answers what ends the watch.
 */
export function wakeModels(options: WakeOptions): () => Promise<void> {
  const stopped = new AbortController();
  const watch = async () => {
    for (let look = 0; ; look++) {
      await pause(looksAfterMs[look] ?? everyMs, stopped.signal);
      if (stopped.signal.aborted) return;
      await wakeOutdated(options, stopped.signal).catch((error: unknown) => {
        workerLog.debug({ error }, 'models were not told of the code; the next look tells them');
      });
    }
  };
  const watching = options.models.length === 0 ? Promise.resolve() : watch();
  return () => {
    stopped.abort();
    return watching;
  };
}

async function wakeOutdated({ client, models, code, version }: WakeOptions, signal: AbortSignal): Promise<void> {
  // A build that open runs stay with must not call models back that have moved on.
  if (version !== undefined && !(await isCurrentBuild(client, version))) return;
  const ours = new Set(models.map(({ name }) => `model/${name}`));
  const query = `WorkflowType = '${modelWorkflowType}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId, memo: notes } of client.workflow.list({ query })) {
    if (signal.aborted) return;
    const began = notes?.[memo.code];
    if (!ours.has(workflowId) || began === undefined || began === code) continue;
    await client.workflow.getHandle(workflowId).signal(modelMessages.deployed, { code });
  }
}
