import { modelWorkflowId, modelWorkflowType } from '../workflows/sdk/model/messages.js';
import type { ModelState } from '../workflows/sdk/model/model-state.js';
import type { Evertrain } from './evertrain.js';

export interface ModelSummary {
  readonly name: string;
  /** Absent where no worker answered. */
  readonly state?: ModelState;
}

/** A worker answers for models; without one they are listed all the same. */
const answersWithin = '3s';

/** All models that there are, by name. */
export async function modelSummaries(evertrain: Evertrain): Promise<ModelSummary[]> {
  const prefix = modelWorkflowId('');
  const names = (await openWorkflows(evertrain, modelWorkflowType)).map((id) => id.slice(prefix.length)).sort();
  return Promise.all(
    names.map(async (name) => {
      const state = await evertrain
        .model(name)
        .state({ within: answersWithin })
        .catch(() => undefined);
      return state === undefined ? { name } : { name, state: slimState(state) };
    }),
  );
}

/** Without the digests of all batches that it knows, which nobody reads. */
export function slimState(state: ModelState): ModelState {
  return state.data === undefined ? state : { ...state, data: { ...state.data, seen: '' } };
}

/** Ids of the open workflows of a type of Evertrain's own. */
export async function openWorkflows({ client }: Evertrain, type: string): Promise<string[]> {
  const found: string[] = [];
  const query = `WorkflowType = '${type}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId);
  return found;
}
