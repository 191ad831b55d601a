import type { Client } from '@temporalio/client';
import { poolMessages, type PoolState } from '../workflows/sdk/pools/messages.js';
import { waitingLine } from '../workflows/sdk/pools/pool-state.js';
import type { QueuedStep, RunView } from './history/run-view.js';

/** A pool answers by a worker; without one the view is answered all the same. */
const withinMs = 2_000;

type Place = NonNullable<QueuedStep['place']>;

/** The view, with what only pools know: which ones among all who wait are the steps that wait for a place. */
export async function withPlaces(client: Client, view: RunView): Promise<RunView> {
  const pools = new Set(view.steps.flatMap((step) => (step.status === 'queued' ? (step.poolId ?? []) : [])));
  if (pools.size === 0) return view;
  const asked = [...pools].map(async (pool) => [pool, await placesIn(client, pool, view.workflowId)] as const);
  const places = new Map(await Promise.all(asked));
  const steps = view.steps.map((step) => {
    const place = step.status === 'queued' ? places.get(step.poolId ?? '')?.get(step.id) : undefined;
    return place === undefined ? step : { ...step, place };
  });
  return { ...view, steps };
}

/** By step id. */
async function placesIn(client: Client, pool: string, workflowId: string): Promise<ReadonlyMap<string, Place>> {
  const query = () => client.workflow.getHandle(pool).query<PoolState>(poolMessages.state);
  const state = await client.withDeadline(Date.now() + withinMs, query).catch(() => undefined);
  if (state === undefined) return new Map();
  const line = waitingLine(state);
  return new Map(
    line.flatMap(({ key, wait: { stepId } }, n) =>
      state.runs[key]?.workflowId === workflowId ? [[stepId, { number: n + 1, of: line.length }] as const] : [],
    ),
  );
}
