import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { checkOptions } from '../workflows/sdk/options.js';
import { fanOutWorkflowType, searchAttributes } from '../workflows/sdk/protocol.js';

export interface ListOptions {
  readonly pipeline?: string;
  readonly model?: string;
  /** `true`: open runs that wait for a person. */
  readonly waiting?: boolean;
  readonly status?: RunSummary['status'];
  /** Of finished runs: completed · rejected · failed · cancelled. */
  readonly outcome?: RunSummary['outcome'];
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

const statusNames: Record<RunSummary['status'], string> = {
  running: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Canceled',
  terminated: 'Terminated',
  'timed-out': 'TimedOut',
  continued: 'ContinuedAsNew',
};

const statuses: Record<string, RunSummary['status']> = {
  RUNNING: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
  CONTINUED_AS_NEW: 'continued',
};

const outcomes = ['completed', 'rejected', 'failed', 'cancelled'] as const;

/** Runs of pipelines, newest first. */
export async function listRuns(client: Client, options: ListOptions = {}): Promise<RunSummary[]> {
  checkOptions('list', options, ['pipeline', 'model', 'waiting', 'status', 'outcome', 'limit']);
  const { limit = 50, status, outcome } = options;
  if (!Number.isInteger(limit) || limit < 1) throw invalid('limit', limit, 'Use a whole number from 1.');
  if (status !== undefined && !(status in statusNames))
    throw invalid('status', status, oneOf(Object.keys(statusNames)));
  if (outcome !== undefined && !outcomes.includes(outcome)) throw invalid('outcome', outcome, oneOf(outcomes));
  const found: RunSummary[] = [];
  for await (const info of client.workflow.list({ query: query(options), pageSize: Math.min(limit, 200) })) {
    found.push(summary(info));
    if (found.length >= limit) break;
  }
  return found;
}

function query({ pipeline, model, waiting, status, outcome }: ListOptions): string {
  const is = (name: string, value: string) => `${name} = '${value.replaceAll("'", "''")}'`;
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
  return conditions.join(' AND ');
}

function summary(info: WorkflowExecutionInfo): RunSummary {
  const get = <T>(attribute: { name: string; type: 'KEYWORD' | 'KEYWORD_LIST' }) =>
    info.typedSearchAttributes.get(attribute as never) as T | undefined;
  const outcome = get<NonNullable<RunSummary['outcome']>>(searchAttributes.outcome);
  const model = get<string>(searchAttributes.model);
  return {
    workflowId: info.workflowId,
    runId: info.runId,
    pipeline: info.type,
    ...(model === undefined ? {} : { model }),
    status: statuses[info.status.name] ?? 'running',
    ...(outcome === undefined ? {} : { outcome }),
    startedAt: info.startTime.getTime(),
    ...(info.closeTime === undefined ? {} : { closedAt: info.closeTime.getTime() }),
    // A terminated run could not say that it waits no more.
    waitingFor: info.closeTime === undefined ? (get<string[]>(searchAttributes.waitingFor) ?? []) : [],
  };
}

function oneOf(names: readonly string[]): string {
  return `Use one of: ${names.join(', ')}.`;
}

function invalid(option: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `list: ${option} is ${show(value)}.`, { value, remedy });
}
