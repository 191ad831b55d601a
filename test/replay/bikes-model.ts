import { setTimeout as sleep } from 'node:timers/promises';
import type { Evertrain } from '../../client/evertrain.js';
import { bikes } from '../../workflows/pipelines/bikes/model.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import type { ModelState } from '../../workflows/sdk/model/model-state.js';

interface Execution {
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * A life of the model `bikes`, to be recorded: a first version, one on new data that wins its comparison, a corrupted
 * batch, a rollback, a version that wins against the one gone back to, another policy and an archive for what it retains
 * no longer; after it continued as new, new data, and once more in the midst of a training. Answers its executions.
 */
export async function liveBikes(evertrain: Evertrain): Promise<Execution[]> {
  const model = evertrain.model(bikes);
  const workflowId = modelWorkflowId(bikes.name);
  const handle = evertrain.client.workflow.getHandle(workflowId);
  const until = async (what: string, holds: (now: ModelState) => boolean) => {
    for (const end = Date.now() + 180_000; Date.now() < end; await sleep(100)) {
      if (holds(await model.state({ within: '30s' }))) return;
    }
    throw new Error(`within 3 minutes not: ${what}; the state is ${JSON.stringify(await model.state())}`);
  };
  const arrives = (id: string, rows: number) => model.dataArrived({ id, uri: `data/bikes/${id}.parquet`, rows });
  const settles = (id: string) =>
    until(`batch ${id} is used or held back`, ({ data, training, comparison }) => {
      const isHere = data?.used.some((one) => one.id === id) || data?.quarantined.some(({ batch }) => batch.id === id);
      return isHere === true && training === undefined && comparison === undefined;
    });
  const executions: Execution[] = [];
  const continues = async () => {
    const { runId } = await handle.describe();
    executions.push({ workflowId, runId });
    await handle.signal(modelMessages.deployed, { code: `after execution ${executions.length}` });
    while ((await handle.describe()).runId === runId) await sleep(100);
  };
  const by = { actor: 'ann', within: '60s' } as const;

  await (await model.train({}, { provenance: false, within: '60s' })).result();
  await until('there is a champion', ({ champion }) => champion === '1');
  await arrives('2011-05-to-06', 1464);
  await settles('2011-05-to-06');
  await until('version 2 is the champion', ({ champion }) => champion === '2');
  await arrives('2011-07-to-08-corrupted', 1475);
  await settles('2011-07-to-08-corrupted');
  await model.rollback({ ...by, reason: 'to be compared with once more' });
  await arrives('2011-07-to-08', 1475);
  await settles('2011-07-to-08');
  await until('version 3 is the champion', ({ champion }) => champion === '3');
  await model.configure({ retention: { versions: 1 } }, by);
  await until('version 2 is archived', ({ archive }) => archive?.versions === 1);
  await continues();
  await model.dropBatch('2011-07-to-08-corrupted', by);
  await arrives('2011-09-to-10', 1460);
  await until('it trains', ({ training }) => training !== undefined);
  await continues();
  await settles('2011-09-to-10');
  await continues();
  return executions;
}
