import { getExternalWorkflowHandle, ParentClosePolicy, startChild } from '@temporalio/workflow';
import { type AssetStart, assetWorkflowId, assetWorkflowType } from './messages.js';

const mostTries = 5;

/** Signals an asset, and starts it where it does not run: it outlives whoever speaks of it first. */
export async function tellAsset(
  asset: string,
  project: string | undefined,
  signal: string,
  argument: unknown,
): Promise<void> {
  const workflowId = assetWorkflowId(asset, project);
  for (let tries = 1; tries <= mostTries; tries++) {
    const isTold = await getExternalWorkflowHandle(workflowId)
      .signal(signal, argument)
      .then(
        () => true,
        () => false,
      );
    if (isTold) return;
    // Another run may start it at the same moment.
    await startChild(assetWorkflowType, {
      workflowId,
      args: [{ asset } satisfies AssetStart],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `asset ${asset}`,
    }).catch(() => undefined);
  }
}
