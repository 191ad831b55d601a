import type { Client } from '@temporalio/client';
import proto, { type temporal } from '@temporalio/proto';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { fanOutWorkflowType } from '../workflows/sdk/fan-out-messages.js';
import { checkOptions, invalidOption } from '../workflows/sdk/options.js';
import { searchAttributes } from '../workflows/sdk/protocol.js';
import { decodePayload, toMillis } from './history/decode.js';

export interface ListOptions {
  readonly pipeline?: string;
  readonly model?: string;
  /** `true`: open runs that wait for a person. */
  readonly waiting?: boolean;
  readonly status?: RunSummary['status'];
  /** Of finished runs: completed · rejected · failed · cancelled. */
  readonly outcome?: RunSummary['outcome'];
  /** Of runs whose workflow id begins so. */
  readonly idPrefix?: string;
  readonly startedAfter?: Date;
  readonly startedBefore?: Date;
  /** Of runs that are open, or have ended after it. */
  readonly openSince?: Date;
  /** At most so many, newest first; default 50. */
  readonly limit?: number;
}

/** A run as the engine's index has it; it may lag a moment behind. Times are epoch milliseconds. */
export interface RunSummary {
  readonly workflowId: string;
  readonly runId: string;
  readonly pipeline: string;
  readonly model?: string;
  readonly status: 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'continued';
  readonly outcome?: 'completed' | 'rejected' | 'failed' | 'cancelled';
  readonly startedAt: number;
  readonly closedAt?: number;
  /** What it waits for a person to do. */
  readonly waitingFor: readonly string[];
}

/** A part of a list. */
export interface RunsPage {
  readonly runs: readonly RunSummary[];
  /** Where the next part begins; absent at the end. */
  readonly next?: string;
}

const statusNames: Record<RunSummary['status'], string> = {
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  'timed-out': 'TimedOut',
  continued: 'ContinuedAsNew',
};

const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;

const statuses: Record<number, RunSummary['status']> = {
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING]: 'running',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED]: 'completed',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED]: 'failed',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED]: 'cancelled',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED]: 'terminated',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT]: 'timed-out',
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW]: 'continued',
};

const outcomes = ['completed', 'rejected', 'failed', 'cancelled'] as const;

const optionNames = [
  ...['pipeline', 'model', 'waiting', 'status', 'outcome'],
  ...['idPrefix', 'startedAfter', 'startedBefore', 'openSince', 'limit'],
];
const maxPage = 200;

/** Runs of pipelines, newest first. */
export async function listRuns(client: Client, options: ListOptions = {}): Promise<RunSummary[]> {
  const { limit = 50 } = options;
  const found: RunSummary[] = [];
  let next: string | undefined;
  do {
    const page = await pageOfRuns(client, { ...options, limit: Math.min(limit - found.length, maxPage) }, next);
    found.push(...page.runs);
    next = page.next;
  } while (next !== undefined && found.length < limit);
  return found;
}

/** The part of the list that begins at `from`, as an earlier part named it. */
export async function pageOfRuns(client: Client, options: ListOptions, from?: string): Promise<RunsPage> {
  checkOptions('list', options, optionNames);
  const { limit = 50, status, outcome } = options;
  if (!Number.isInteger(limit) || limit < 1) throw invalid('limit', limit, 'Use a whole number from 1.');
  if (status !== undefined && !(status in statusNames))
    throw invalid('status', status, oneOf(Object.keys(statusNames)));
  if (outcome !== undefined && !outcomes.includes(outcome)) throw invalid('outcome', outcome, oneOf(outcomes));
  const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
    namespace: client.options.namespace,
    query: query(options),
    pageSize: Math.min(limit, maxPage),
    ...(from === undefined ? {} : { nextPageToken: Buffer.from(from, 'base64url') }),
  });
  const runs = (executions ?? []).map(summary);
  return nextPageToken?.length ? { runs, next: Buffer.from(nextPageToken).toString('base64url') } : { runs };
}

function query(options: ListOptions): string {
  const { pipeline, model, waiting, status, outcome, idPrefix, startedAfter, startedBefore, openSince } = options;
  const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const is = (name: string, value: string) => `${name} = ${quoted(value)}`;
  const conditions = [
    pipeline === undefined
      ? // Of a large fan-out there may be a hundred, which the run that they are of stands for.
        `${searchAttributes.pipeline.name} IS NOT NULL AND ${searchAttributes.pipeline.name} != '${fanOutWorkflowType}'`
      : is(searchAttributes.pipeline.name, pipeline),
  ];
  if (model !== undefined) conditions.push(is(searchAttributes.model.name, model));
  if (waiting === true)
    conditions.push(`${searchAttributes.waitingFor.name} IS NOT NULL`, is('ExecutionStatus', 'Running'));
  if (status !== undefined) conditions.push(is('ExecutionStatus', statusNames[status]));
  if (outcome !== undefined) conditions.push(is(searchAttributes.outcome.name, outcome));
  if (idPrefix !== undefined) conditions.push(`WorkflowId STARTS_WITH ${quoted(idPrefix)}`);
  if (startedAfter !== undefined) conditions.push(`StartTime > ${quoted(startedAfter.toISOString())}`);
  if (startedBefore !== undefined) conditions.push(`StartTime < ${quoted(startedBefore.toISOString())}`);
  if (openSince !== undefined) {
    conditions.push(`(CloseTime > ${quoted(openSince.toISOString())} OR ${is('ExecutionStatus', 'Running')})`);
  }
  return conditions.join(' AND ');
}

function summary(info: temporal.api.workflow.v1.IWorkflowExecutionInfo): RunSummary {
  const get = <T>({ name }: { name: string }): T | undefined => {
    const value = decodePayload(info.searchAttributes?.indexedFields?.[name]);
    return value === null ? undefined : (value as T);
  };
  const outcome = get<NonNullable<RunSummary['outcome']>>(searchAttributes.outcome);
  const model = get<string>(searchAttributes.model);
  const closedAt = toMillis(info.closeTime);
  return {
    workflowId: info.execution?.workflowId ?? '',
    runId: info.execution?.runId ?? '',
    pipeline: info.type?.name ?? '',
    ...(model === undefined ? {} : { model }),
    status: statuses[info.status ?? 0] ?? 'running',
    ...(outcome === undefined ? {} : { outcome }),
    startedAt: toMillis(info.startTime) ?? 0,
    ...(closedAt === undefined ? {} : { closedAt }),
    // A terminated run could not say that it waits no more.
    waitingFor: closedAt === undefined ? (get<string[]>(searchAttributes.waitingFor) ?? []) : [],
  };
}

function oneOf(names: readonly string[]): string {
  return `Use one of: ${names.join(', ')}.`;
}

function invalid(option: string, value: unknown, remedy: string): EvertrainError {
  return invalidOption('list', option, value, remedy);
}
