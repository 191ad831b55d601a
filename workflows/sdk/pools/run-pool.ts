import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  scheduleActivity,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { builtIn, runMessages } from '../protocol.js';
import { type PoolGrant, type PoolMessage, poolMessages, type PoolStart } from './messages.js';
import {
  drop,
  emptyPool,
  type Grant,
  grant,
  isContested,
  isEmpty,
  isPoolMessage,
  receive,
  runKey,
  untold,
} from './pool-state.js';

/** A pool that nobody needs ends; who asks next starts it again. */
const idleMs = 600_000;

/**
 * A pool's life as a workflow: messages of runs are taken in order, free places are given, and the runs told. A run says
 * when its call has ended; one that can say nothing any more (it was terminated, it timed out) is found by asking the
 * engine, while others wait for what it holds. The state is handed over when the workflow continues as new.
 */
export async function runPool({ pool, state: before }: PoolStart): Promise<void> {
  let state = before ?? emptyPool();
  const inbox: PoolMessage[] = [];
  const gone: string[] = [];
  let sending = 0;
  let isAsking = false;
  setHandler(defineQuery(poolMessages.state), () => state);
  setHandler(defineSignal<[unknown]>(poolMessages.calls), (given) => {
    if (isPoolMessage(given)) inbox.push(given);
  });
  const tell = async ({ key, run: { workflowId, firstRunId }, stepIds }: Grant) => {
    sending++;
    const told = getExternalWorkflowHandle(workflowId).signal(runMessages.granted, {
      pool,
      firstRunId,
      stepIds,
    } satisfies PoolGrant);
    // It is not open any more.
    await told.catch(() => gone.push(key));
    sending--;
  };
  const lookForClosed = async () => {
    for (;;) {
      await condition(() => isContested(state));
      await sleep(Math.max(1, state.checkedAt + (state.rules?.checkEveryMs ?? 0) - Date.now()));
      if (!isContested(state)) continue;
      isAsking = true;
      gone.push(...(await closedAmongHolders(state)));
      isAsking = false;
      state = { ...state, checkedAt: Date.now() };
    }
  };
  lookForClosed().catch(() => undefined);
  for (;;) {
    for (let one = inbox.shift(); one !== undefined; one = inbox.shift()) state = receive(state, one);
    for (let key = gone.shift(); key !== undefined; key = gone.shift()) state = drop(state, key);
    const isFull = workflowInfo().continueAsNewSuggested;
    if (isFull && sending === 0 && !isAsking) await continueAsNew({ pool, state } satisfies PoolStart);
    if (!isFull) {
      const { state: told, grants } = untold(grant(state));
      state = told;
      for (const one of grants) void tell(one);
    }
    const hasNews = () => inbox.length > 0 || gone.length > 0 || (isFull && sending === 0 && !isAsking);
    if (!isEmpty(state)) await condition(hasNews);
    else if (!(await condition(hasNews, idleMs))) return;
  }
}

async function closedAmongHolders({ runs }: NonNullable<PoolStart['state']>): Promise<readonly string[]> {
  const holders = Object.values(runs).filter(({ holds }) => holds.length > 0);
  const asked = holders.map(({ workflowId, firstRunId }) => ({ workflowId, firstRunId }));
  const closed = await scheduleActivity<typeof asked>(builtIn.closedRuns, [asked], {
    startToCloseTimeout: 30_000,
    heartbeatTimeout: 10_000,
    retry: { maximumAttempts: 3 },
    priority: { priorityKey: 1 },
    summary: 'which of the runs that hold a place are over',
  }).catch(() => []);
  return closed.map(runKey);
}
