import { assetWorkflowType } from '../../workflows/sdk/assets/messages.js';
import { poolWorkflowType } from '../../workflows/sdk/pools/messages.js';
import { toNumber } from './decode.js';
import type { ChildFacts, Facts, Occurrence } from './facts.js';

/** PARENT_CLOSE_POLICY_ABANDON. */
const abandon = 2;

/** A child run's id as calls have it: its workflow id without its parent's. */
export function childId(child: string, parent: string): string {
  return child.startsWith(`${parent}/`) ? child.slice(parent.length + 1) : child;
}

/** Child runs, from being asked for to their end. */
export function foldChild(facts: Facts, { event, id, at }: Occurrence): void {
  const initiated = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (initiated) {
    const type = initiated.workflowType?.name ?? '';
    if (type === poolWorkflowType || type === assetWorkflowType) return;
    facts.children.set(id, {
      workflowId: initiated.workflowId ?? '',
      pipeline: type,
      initiatedAt: at,
      causes: facts.causes.call(),
      input: initiated.input?.payloads?.[0],
      isDetached: initiated.parentClosePolicy === abandon,
    });
    return;
  }
  const started = event.childWorkflowExecutionStartedEventAttributes;
  if (started) {
    const child = facts.children.get(toNumber(started.initiatedEventId));
    if (child && started.workflowExecution?.runId) child.runId = started.workflowExecution.runId;
    if (child?.isDetached === true) facts.causes.arrive(`child:${child.workflowId}`);
    return;
  }
  foldEnd(facts, { event, id, at });
}

function foldEnd(facts: Facts, { event, id, at }: Occurrence): void {
  const completed = event.childWorkflowExecutionCompletedEventAttributes;
  const failed = event.childWorkflowExecutionFailedEventAttributes;
  const cancelled = event.childWorkflowExecutionCanceledEventAttributes;
  const terminated = event.childWorkflowExecutionTerminatedEventAttributes;
  const timedOut = event.childWorkflowExecutionTimedOutEventAttributes;
  const neverStarted = event.startChildWorkflowExecutionFailedEventAttributes;
  const attributes = completed ?? failed ?? cancelled ?? terminated ?? timedOut ?? neverStarted;
  const child = attributes && facts.children.get(toNumber(attributes.initiatedEventId));
  if (!child) return;
  const kind: NonNullable<ChildFacts['end']>['kind'] = completed
    ? 'completed'
    : cancelled
      ? 'cancelled'
      : terminated
        ? 'terminated'
        : timedOut
          ? 'timed-out'
          : neverStarted && child.isDetached
            ? 'existed'
            : 'failed';
  const message = neverStarted ? { message: 'A run of this id exists already.' } : undefined;
  const failure = failed?.failure ?? message;
  child.end = { kind, at, event: id, result: completed?.result?.payloads?.[0], failure };
  if (!child.isDetached || neverStarted) facts.causes.arrive(`child:${child.workflowId}`);
}
