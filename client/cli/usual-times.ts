import type { RunView } from '../history/run-view.js';
import type { Evertrain } from '../evertrain.js';

/** How long the run and its steps took before, in milliseconds; what never ran is absent. */
export interface UsualTimes {
  readonly run?: number;
  readonly steps: ReadonlyMap<string, number>;
}

/** Their histories are read. */
const runsLookedAt = 3;

/** Medians over the newest completed runs of the pipeline; of a step by its id, attempts and what lies between included. */
export async function usualTimes(evertrain: Evertrain, pipeline: string): Promise<UsualTimes> {
  const runs = await evertrain.list({ pipeline, outcome: 'completed', limit: runsLookedAt });
  const views = await Promise.all(runs.map(({ workflowId, runId }) => evertrain.attach(workflowId, runId).view()));
  const times = new Map<string, number[]>();
  for (const [id, ms] of views.flatMap(stepTimes)) times.set(id, [...(times.get(id) ?? []), ms]);
  const run = median(views.map(({ startedAt, closedAt = startedAt }) => closedAt - startedAt));
  return {
    ...(run === undefined ? {} : { run }),
    steps: new Map([...times].map(([id, all]) => [id, median(all) ?? 0])),
  };
}

function stepTimes({ steps }: RunView): [id: string, ms: number][] {
  return steps.flatMap((step) => (step.status === 'completed' ? [[step.id, step.endedAt - step.startedAt]] : []));
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
