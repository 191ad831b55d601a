import { getExternalWorkflowHandle, ParentClosePolicy, startChild } from '@temporalio/workflow';
import type { Batch } from '../model/batch.js';
import { modelMessages, type ModelStart, modelWorkflowId, modelWorkflowType } from '../model/messages.js';
import { searchAttributes } from '../protocol.js';
import { type AssetStart, assetWorkflowId, assetWorkflowType } from './messages.js';

const mostTries = 5;

/** Signals an asset, and starts it where it does not run: it outlives whoever speaks of it first. */
export async function tellAsset(
  asset: string,
  project: string | undefined,
  signal: string,
  argument: unknown,
): Promise<void> {
  const start = { args: [{ asset } satisfies AssetStart], staticSummary: `asset ${asset}` };
  await tell(assetWorkflowId(asset, project), signal, argument, assetWorkflowType, start);
}

/** Tells a model of data; false where it is not there and cannot be started. */
export function tellModel(model: string, batch: Batch): Promise<boolean> {
  const attribute = { key: { name: searchAttributes.model.name, type: 'KEYWORD' as const }, value: model };
  const args = [{ name: model } satisfies ModelStart];
  const start = { args, typedSearchAttributes: [attribute], staticSummary: `model ${model}` };
  return tell(modelWorkflowId(model), modelMessages.data, batch, modelWorkflowType, start);
}

async function tell(
  workflowId: string,
  signal: string,
  argument: unknown,
  type: string,
  start: object,
): Promise<boolean> {
  for (let tries = 1; tries <= mostTries; tries++) {
    const isTold = await getExternalWorkflowHandle(workflowId)
      .signal(signal, argument)
      .then(
        () => true,
        () => false,
      );
    if (isTold) return true;
    // Another run may start it at the same moment.
    await startChild(type, { workflowId, parentClosePolicy: ParentClosePolicy.ABANDON, ...start }).catch(
      () => undefined,
    );
  }
  return false;
}
