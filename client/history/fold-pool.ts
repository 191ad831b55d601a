import { type PoolMessage, poolMessages } from '../../workflows/sdk/pools/messages.js';
import { decodeObject } from './decode.js';
import type { Facts, Occurrence } from './facts.js';
import { groupsOf } from './fold-light.js';

/** What a run tells pools: a call that asks for a place is seen as a step from then on. */
export function foldPool(facts: Facts, { event, id, at }: Occurrence): void {
  const told = event.signalExternalWorkflowExecutionInitiatedEventAttributes;
  if (told?.signalName !== poolMessages.calls) return;
  const { asks = [], ends = [] } = decodeObject<Partial<PoolMessage>>(told.input?.payloads?.[0]) ?? {};
  const poolId = told.workflowExecution?.workflowId ?? '';
  for (const [n, { stepId, calledAt }] of asks.entries()) {
    // It asks once more.
    if (facts.asked.has(stepId)) continue;
    // Between this event's id and the next one's.
    const key = id + (n + 1) / (asks.length + 1);
    facts.asked.set(stepId, key);
    facts.steps.set(key, {
      id: stepId,
      name: stepId.split('/').at(-1)?.replace(/#\d+$/, '') ?? stepId,
      groups: groupsOf(stepId),
      scheduledAt: at,
      causes: facts.causes.call(calledAt),
      waitsForPool: poolId,
    });
  }
  for (const stepId of ends) {
    const step = facts.steps.get(facts.asked.get(stepId) ?? -1);
    if (step?.waitsForPool !== undefined) step.end = { kind: 'cancelled', at, event: id };
  }
}
