import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { modelMessages, modelWorkflowId } from './messages.js';

/** What a model's schedule starts; a model that is gone needs no tick. */
export async function tick(model: string): Promise<void> {
  await getExternalWorkflowHandle(modelWorkflowId(model))
    .signal(modelMessages.tick)
    .catch(() => undefined);
}
