import proto from '@temporalio/proto';
import { fireTimeAttribute } from '../../workflows/sdk/schedule/messages.js';
import { decodePayload, type HistoryEvent, toNumber } from './decode.js';
import type { Closed, Facts, Occurrence } from './facts.js';

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** Task failures that are part of normal life: new events came in meanwhile, a reset, a worker that left. */
const harmless = new Set<number>([
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_UPDATE,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW,
]);

/** The run itself: its start, its workflow tasks, its end. */
export function foldRun(facts: Facts, occurrence: Occurrence): void {
  const { event, id, at } = occurrence;
  const completed = event.workflowTaskCompletedEventAttributes;
  if (completed) {
    facts.causes.taskCompleted(toNumber(completed.startedEventId));
    delete facts.blocked;
    foldVersion(facts, event);
  } else if (event.workflowTaskFailedEventAttributes) {
    const { cause, failure } = event.workflowTaskFailedEventAttributes;
    if (!harmless.has(cause ?? 0)) facts.blocked = { at, failure };
  } else if (event.workflowExecutionStartedEventAttributes) {
    foldStarted(facts, event, at);
  } else if (event.workflowExecutionCancelRequestedEventAttributes) {
    facts.cancelRequested = true;
  } else {
    const closed = closedBy(event, at);
    if (closed !== undefined) close(facts, closed, id);
  }
}

/**
 * A run may close before the steps that it has cancelled have said so: to the run they ended when it gave them up. A
 * light step whose next attempt had not begun was given up as well.
 */
function close(facts: Facts, closed: Closed, event: number): void {
  facts.closed = closed;
  for (const step of facts.triedLight.values()) step.end = { kind: 'cancelled', at: closed.at, event };
  for (const step of facts.steps.values()) {
    if (step.end === undefined && step.cancelRequested !== undefined) {
      step.end = { kind: 'cancelled', ...step.cancelRequested };
    }
  }
}

function foldStarted(facts: Facts, event: HistoryEvent, at: number): void {
  const started = event.workflowExecutionStartedEventAttributes ?? {};
  const parent = started.parentWorkflowExecution;
  const fireTime = started.searchAttributes?.indexedFields?.[fireTimeAttribute];
  facts.started = {
    at,
    workflowId: started.workflowId ?? '',
    runId: started.originalExecutionRunId ?? '',
    type: started.workflowType?.name ?? '',
    input: started.input?.payloads ?? [],
    isContinued: Boolean(started.continuedExecutionRunId),
    ...(fireTime === undefined ? {} : { firedAt: decodePayload(fireTime) }),
    ...(parent?.workflowId ? { parent: { workflowId: parent.workflowId, runId: parent.runId ?? '' } } : {}),
  };
}

function foldVersion(facts: Facts, event: HistoryEvent): void {
  const { deploymentVersion, workerVersion } = event.workflowTaskCompletedEventAttributes ?? {};
  if (deploymentVersion?.buildId) {
    const { buildId, deploymentName } = deploymentVersion;
    facts.workerVersion = { buildId, ...(deploymentName ? { deployment: deploymentName } : {}) };
  } else if (workerVersion?.useVersioning && workerVersion.buildId) {
    facts.workerVersion = { buildId: workerVersion.buildId };
  }
}

function closedBy(event: HistoryEvent, at: number): Closed | undefined {
  const completed = event.workflowExecutionCompletedEventAttributes;
  if (completed) return { kind: 'completed', at, result: completed.result?.payloads?.[0] };
  const failed = event.workflowExecutionFailedEventAttributes;
  if (failed) return { kind: 'failed', at, failure: failed.failure };
  const terminated = event.workflowExecutionTerminatedEventAttributes;
  if (terminated) return { kind: 'terminated', at, ...(terminated.reason ? { reason: terminated.reason } : {}) };
  const continued = event.workflowExecutionContinuedAsNewEventAttributes;
  if (continued) return { kind: 'continued', at, runId: continued.newExecutionRunId ?? '' };
  if (event.workflowExecutionCanceledEventAttributes) return { kind: 'cancelled', at };
  if (event.workflowExecutionTimedOutEventAttributes) return { kind: 'timed-out', at };
  return undefined;
}
