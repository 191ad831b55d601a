import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  executeChild,
  makeContinueAsNewFunc,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';

/** Workflows that leave an artifact in every kind of place that a history or a description has. */
interface Activities {
  answer(value: unknown): Promise<unknown>;
  failWith(value: unknown): Promise<void>;
  heartbeatAndHang(value: unknown): Promise<void>;
}

const activities = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  heartbeatTimeout: '30 seconds',
  retry: { maximumAttempts: 1 },
});
const local = proxyLocalActivities<Pick<Activities, 'answer'>>({ startToCloseTimeout: '1 minute' });

export interface Plants {
  readonly passed: unknown;
  readonly local: unknown;
  readonly failure: unknown;
  readonly memo: unknown;
  readonly next: unknown;
}

export async function plant(plants: Plants): Promise<unknown> {
  let isSignalled = false;
  let isUpdated = false;
  setHandler(defineSignal<[unknown]>('plant'), () => {
    isSignalled = true;
  });
  setHandler(defineUpdate<unknown, [unknown]>('plant'), (value) => {
    isUpdated = true;
    return { value };
  });
  await activities.answer(plants.passed);
  await local.answer(plants.local);
  await activities.failWith(plants.failure).catch(() => undefined);
  upsertMemo({ planted: plants.memo });
  await condition(() => isSignalled && isUpdated);
  return makeContinueAsNewFunc<typeof plantResult>({ workflowType: 'plantResult' })(plants.next);
}

export async function plantResult(value: unknown): Promise<unknown> {
  if (value === undefined) throw ApplicationFailure.nonRetryable('nothing was handed over');
  return value;
}

/** Stays open with a running activity, whose heartbeat details are in no history yet. */
export async function hang(value: unknown): Promise<void> {
  await activities.heartbeatAndHang(value);
}

/** Continues as new after a child run has ended, and stays open. */
export async function study(executions: number): Promise<void> {
  if (executions === 1) await hang(executions);
  await executeChild(plantResult, { workflowId: `${workflowInfo().workflowId}/trial`, args: [1] });
  await continueAsNew<typeof study>(executions + 1);
}

export { study as 'evertrain.model' };
