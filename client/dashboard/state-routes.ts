import type { Hono } from 'hono';
import { poolMessages, type PoolState, poolWorkflowType } from '../../workflows/sdk/pools/messages.js';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import type { DashboardContext } from './context.js';
import { liveState } from './live.js';
import { modelReader } from './model-answer.js';
import { modelSummaries, openWorkflows } from '../model-summaries.js';
import type { QueuesAnswer } from './shapes.js';

const everyMs = 1_000;
/** A worker answers for pools; without one the page is there all the same. */
const answersWithinMs = 3_000;

/** Models, assets, queues, pools and schedules as they stand. */
export function stateRoutes(app: Hono, context: DashboardContext): void {
  const { evertrain } = context;
  app.get('/api/models/live', (c) => liveState(c, everyMs, () => modelSummaries(evertrain)));
  app.get('/api/model/live', (c) => liveState(c, everyMs, modelReader(evertrain, c.req.query('name') ?? '')));
  app.get('/api/model/versions', async (c) =>
    c.json((await evertrain.model(c.req.query('name') ?? '').state()).versions),
  );
  app.get('/api/assets/live', (c) => liveState(c, 2 * everyMs, () => evertrain.assets.list()));
  app.get('/api/schedules/live', (c) => liveState(c, 2 * everyMs, () => evertrain.schedules.list()));
  app.get('/api/queues/live', (c) => liveState(c, 2 * everyMs, () => queues(context)));
}

async function queues({ evertrain, project }: DashboardContext): Promise<QueuesAnswer> {
  const { client } = evertrain;
  const pools = (await openWorkflows(evertrain, poolWorkflowType)).sort().map(async (id) => {
    const asked = () => client.workflow.getHandle(id).query<PoolState>(poolMessages.state);
    const state = await client.withDeadline(Date.now() + answersWithinMs, asked).catch(() => undefined);
    return state === undefined ? { id } : { id, state };
  });
  const { queueNames = [] } = (await project?.facts()) ?? {};
  const [backlogs, known] = await Promise.all([
    evertrain.queues([...new Set([defaultQueue, ...queueNames])]),
    Promise.all(pools),
  ]);
  return { queues: backlogs, pools: known };
}
