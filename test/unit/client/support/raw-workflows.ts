import {
  condition,
  continueAsNew,
  defaultPayloadConverter,
  defineUpdate,
  executeChild,
  scheduleActivity,
  scheduleLocalActivity,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow';
import type { ApprovalAnswer } from '../../../../workflows/sdk/approval-messages.js';
import type { CacheLookup } from '../../../../workflows/sdk/cache-messages.js';
import { builtIn, memo, runMessages, searchAttributes } from '../../../../workflows/sdk/protocol.js';
import type { RunOptions } from '../../../../workflows/sdk/run-options.js';
import { type StepHeader, stepHeader } from '../../../../workflows/sdk/step-header.js';

/** Writes what the protocol says a run writes, with nothing but Temporal's SDK: the projection must not need ours. */

let outgoing: StepHeader | undefined;

export const interceptors = (): WorkflowInterceptors => ({
  outbound: [
    {
      scheduleActivity(input, next) {
        const header = outgoing;
        outgoing = undefined;
        if (header === undefined) return next(input);
        return next({
          ...input,
          headers: { ...input.headers, [stepHeader]: defaultPayloadConverter.toPayload(header) },
        });
      },
    },
  ],
});

function step<T = unknown>(
  name: string,
  input: unknown,
  more: { id?: string; groups?: string[]; queue?: string } = {},
) {
  const id = more.id ?? name;
  outgoing = { seed: 7, ...(more.groups === undefined ? {} : { groups: more.groups }) };
  return scheduleActivity<T>(name, [input], {
    activityId: id,
    startToCloseTimeout: 30_000,
    heartbeatTimeout: 10_000,
    summary: `${id}: does ${name}`,
    retry: { maximumAttempts: 3, initialInterval: 20, nonRetryableErrorTypes: ['USER_DATA_MALFORMED'] },
    ...(more.queue === undefined ? {} : { taskQueue: more.queue }),
  });
}

/** Steps in a chain and side by side, a cache hit and a miss, a gate, a child, a retry. */
export async function wide(input: { n: number }, options: RunOptions = {}): Promise<unknown> {
  const raw = await step<{ table: object }>('ingest', { n: input.n });
  const lookup = await scheduleLocalActivity<CacheLookup>(
    builtIn.cacheLookup,
    [{ step: 'features', stepId: 'features', input: raw, cache: {} }],
    { startToCloseTimeout: 5000, summary: 'features: looked up in the cache' },
  );
  upsertMemo({ [memo.gate]: { name: 'data is usable', passed: true, facts: { rows: 150 } } });
  const [a] = await Promise.all([
    step('fit', { table: raw.table, depth: 1 }, { id: 'search[0]/fit', groups: ['search'] }),
    step('fit', { table: raw.table, depth: 2 }, { id: 'search[1]/fit', groups: ['search'] }),
    step('flaky', { until: 2 }),
  ]);
  const recorded = options.rerun?.recorded['old'];
  if (recorded !== undefined) upsertMemo({ [memo.reused]: { stepId: 'old', step: 'old' } });
  const child = await executeChild('leaf', { workflowId: `${workflowInfo().workflowId}/leaf`, args: [{ n: 1 }] });
  await scheduleActivity(builtIn.notify, [{}], { startToCloseTimeout: 5000 });
  return { outcome: 'completed', output: { a, child, lookup } };
}

export async function leaf(): Promise<unknown> {
  return { outcome: 'rejected', gate: 'small enough', facts: { n: 1 } };
}

/** Waits for a person and a signal, then ends by a rejected gate. */
export async function waits(): Promise<unknown> {
  let answer: ApprovalAnswer | undefined;
  const messages: unknown[] = [];
  setDefaultSignalHandler((_name, payload) => void messages.push(payload));
  setHandler(defineUpdate<unknown, [ApprovalAnswer]>(runMessages.approve), (given) => void (answer = given));
  const key = { name: searchAttributes.waitingFor.name, type: searchAttributes.waitingFor.type } as const;
  upsertMemo({ [memo.approval]: { id: 'ship', name: 'ship', state: 'waiting', facts: { accuracy: 0.9 } } });
  upsertSearchAttributes([{ key, value: ['approval:ship'] }]);
  await condition(() => answer !== undefined);
  upsertMemo({ [memo.approval]: { id: 'ship', name: 'ship', state: 'answered', answer: true, actor: answer?.actor } });
  upsertSearchAttributes([{ key, value: null }]);
  await step('afterAnswer', {});
  await condition(() => messages.length > 0);
  await step('afterSignal', {});
  await sleep(5);
  await step('afterTimer', {});
  upsertMemo({ [memo.gate]: { name: 'good enough', passed: false, facts: { accuracy: 0.1 } } });
  return { outcome: 'rejected', gate: 'good enough', facts: { accuracy: 0.1 } };
}

/** One step; what it does is up to the test's activity. */
export async function one(input: { step: string; queue?: string }): Promise<unknown> {
  const output = await step(input.step, {}, input.queue === undefined ? {} : { queue: input.queue });
  return { outcome: 'completed', output };
}

export async function again(left: number): Promise<unknown> {
  if (left > 0) await continueAsNew<typeof again>(left - 1);
  return { outcome: 'completed', output: left };
}

/** A chain as long as the test wants. */
export async function chain(input: { length: number; sleepMs?: number }): Promise<unknown> {
  for (let n = 0; n < input.length; n++) {
    await step('fit', { n }, { id: n === 0 ? 'fit' : `fit#${n + 1}` });
    if (input.sleepMs !== undefined) await sleep(input.sleepMs);
  }
  return { outcome: 'completed', output: null };
}
