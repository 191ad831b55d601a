import type { Connection } from '@temporalio/client';
import type { Batch } from '../workflows/sdk/model/batch.js';
import { modelMessages, type ModelStart, modelWorkflowId, modelWorkflowType } from '../workflows/sdk/model/messages.js';
import { defaultQueue, searchAttributes } from '../workflows/sdk/protocol.js';
import type { RunContext } from './context.js';
import { toEvertrainError } from './to-error.js';

/** How the workflow of a model is started, by its first training or the first data for it. */
export function modelStart(name: string) {
  return {
    workflowId: modelWorkflowId(name),
    args: [{ name }] as [ModelStart],
    taskQueue: defaultQueue,
    typedSearchAttributes: [{ key: { name: searchAttributes.model.name, type: 'KEYWORD' as const }, value: name }],
    staticSummary: `model ${name}`,
  };
}

/** Tells a model of batches in one signal, and returns when the engine has recorded it. */
export async function sendData(
  { client, address }: RunContext,
  model: string,
  batches: readonly Batch[],
  withinMs?: number,
): Promise<void> {
  const signal = () =>
    client.workflow.signalWithStart(modelWorkflowType, {
      ...modelStart(model),
      signal: modelMessages.data,
      signalArgs: [batches.length === 1 ? batches[0] : batches],
    });
  try {
    if (withinMs === undefined) await signal();
    else await (client.connection as Connection).withDeadline(Date.now() + withinMs, signal);
  } catch (error) {
    throw toEvertrainError(error, { what: `model "${model}"`, address });
  }
}
