import type { Hono } from 'hono';
import {
  defaultQueue,
  type ModelState,
  modelWorkflowId,
  modelWorkflowType,
  type PoolState,
  poolMessages,
  poolWorkflowType,
} from '../../workflows/sdk/protocol.js';
import type { DashboardContext } from './dashboard-app.js';
import { liveState } from './live.js';
import type { ModelSummary, QueuesAnswer } from './shapes.js';

const everyMs = 1_000;
/** A worker answers for models and pools; without one the page is there all the same. */
const answersWithinMs = 3_000;

/** Models, assets, queues, pools and schedules as they stand. */
export function stateRoutes(app: Hono, context: DashboardContext): void {
  const { evertrain } = context;
  app.get('/api/models/live', (c) => liveState(c, everyMs, () => models(context)));
  app.get('/api/model/live', (c) => {
    const name = c.req.query('name') ?? '';
    return liveState(c, everyMs, async () => slim(await evertrain.model(name).state({ within: '5s' })));
  });
  app.get('/api/assets/live', (c) => liveState(c, 2 * everyMs, () => evertrain.assets.list()));
  app.get('/api/queues/live', (c) => liveState(c, 2 * everyMs, () => queues(context)));
}

async function models({ evertrain }: DashboardContext): Promise<ModelSummary[]> {
  const prefix = modelWorkflowId('');
  const names = (await openOf(evertrain, modelWorkflowType)).map((id) => id.slice(prefix.length)).sort();
  return Promise.all(
    names.map(async (name) => {
      const state = await evertrain
        .model(name)
        .state({ within: `${answersWithinMs}ms` })
        .catch(() => undefined);
      return state === undefined ? { name } : { name, state: slim(state) };
    }),
  );
}

/** Without the digests of all batches that it knows, which nobody reads. */
function slim(state: ModelState): ModelState {
  return state.data === undefined ? state : { ...state, data: { ...state.data, seen: '' } };
}

async function queues({ evertrain, queueNames }: DashboardContext): Promise<QueuesAnswer> {
  const { client } = evertrain;
  const pools = (await openOf(evertrain, poolWorkflowType)).sort().map(async (id) => {
    const asked = () => client.workflow.getHandle(id).query<PoolState>(poolMessages.state);
    const state = await client.withDeadline(Date.now() + answersWithinMs, asked).catch(() => undefined);
    return state === undefined ? { id } : { id, state };
  });
  const [backlogs, schedules, known] = await Promise.all([
    evertrain.queues([...new Set([defaultQueue, ...queueNames])]),
    evertrain.schedules.list(),
    Promise.all(pools),
  ]);
  return { queues: backlogs, pools: known, schedules };
}

/** Ids of the open workflows of a type of Evertrain's own. */
async function openOf({ client }: DashboardContext['evertrain'], type: string): Promise<string[]> {
  const found: string[] = [];
  const query = `WorkflowType = '${type}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId);
  return found;
}
