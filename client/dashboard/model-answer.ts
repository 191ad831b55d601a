import type { Evertrain } from '../evertrain.js';
import { rolloutView } from '../model-rollout.js';
import { slimState } from '../model-summaries.js';
import type { ModelAnswer, OpenApproval } from './shapes.js';

const mostRuns = 10;

/** Reads a model again and again: its state, its rollout as it stands, and what its runs ask people. */
export function modelReader(evertrain: Evertrain, name: string): () => Promise<ModelAnswer> {
  const known = new Map<string, readonly OpenApproval[]>();
  return async () => {
    const state = slimState(await evertrain.model(name).state({ within: '5s' }));
    const { rollout } = state;
    const [view, approvals] = await Promise.all([
      // It may have begun or ended between two questions.
      rollout && rolloutView(evertrain.client, rollout.workflowId).catch(() => undefined),
      openApprovals(evertrain, name, known),
    ]);
    return { state, ...(view === undefined ? {} : { rollout: view }), approvals };
  };
}

/** The evidence of a question does not change: a run's history is read once for each. */
async function openApprovals(
  evertrain: Evertrain,
  model: string,
  known: Map<string, readonly OpenApproval[]>,
): Promise<OpenApproval[]> {
  const runs = await evertrain.list({ model, waiting: true, limit: mostRuns });
  const found = runs.map(async ({ workflowId, runId, pipeline, waitingFor }) => {
    const key = [runId, ...waitingFor].join('\n');
    const approvals =
      known.get(key) ??
      (await evertrain.attach(workflowId, runId).approvals()).map((approval) => {
        return { workflowId, runId, pipeline, approval };
      });
    known.set(key, approvals);
    return approvals;
  });
  return (await Promise.all(found)).flat();
}
