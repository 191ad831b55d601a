import type { temporal } from '@temporalio/proto';
import { modelWorkflowType } from '../../workflows/sdk/model/messages.js';
import type { PipelineResult } from '../../workflows/sdk/protocol.js';
import type { RunOptions } from '../../workflows/sdk/run-options.js';
import type { Planned } from '../../workflows/sdk/schedule/messages.js';
import { planOf } from '../../workflows/sdk/schedule/plan-of.js';
import {
  decodeObject,
  decodePayload,
  eventsOf,
  failedStepId,
  failureView,
  type HistoryInput,
  toNumber,
} from './decode.js';
import { causeEdges, dataEdges, type Node } from './edges.js';
import { fanOutViews } from './fan-outs.js';
import { childId } from './fold-child.js';
import { type ChildFacts, type Facts, noFacts, type StepFacts, type TimerFacts } from './facts.js';
import { fold } from './fold.js';
import { studyViews } from './project-study.js';
import type { AttemptRecord, ChildView, RunStatus, RunView, StepView, TimerView } from './run-view.js';
import { type PendingActivity, type StepValues, stepView } from './step-view.js';

/** What `describe()` knows of an open run: its raw answer can be passed as it is. */
export type Pending = Pick<
  temporal.api.workflowservice.v1.IDescribeWorkflowExecutionResponse,
  'pendingActivities' | 'pendingChildren' | 'pendingWorkflowTask'
>;

export interface Evidence {
  /** As fetched by the SDK, or its JSON form. */
  readonly history: HistoryInput;
  readonly pending?: Pending | undefined;
  /** Attempts of the run as the journal recorded them. */
  readonly attempts?: readonly AttemptRecord[] | undefined;
  /** Of a run that was reset, history names the run it was reset from; say which one this is. */
  readonly runId?: string | undefined;
}

/**
 * What happened to a run. A pure function of what was recorded: the same evidence gives the same view, whoever asks and
 * whenever. It never throws on what a history may hold, and never guesses what it does not.
 */
export function projectRun({ history, ...rest }: Evidence): RunView {
  const facts = noFacts();
  fold(facts, eventsOf(history));
  return viewOf(facts, rest);
}

/** The view of facts that are still being gathered. */
export function viewOf(facts: Facts, { pending, attempts, runId }: Omit<Evidence, 'history'>): RunView {
  const { started, closed } = facts;
  const options = runOptionsOf(facts);
  const id = runId ?? started?.runId ?? '';
  const result = closed?.result === undefined ? undefined : decodePayload(closed.result);
  const values = stepValues(facts, options);
  const nodes = nodesOf(facts, values);
  const steps = stepViews(facts, values, pending, attempts);
  const { provenance, window, rerun, planned, startedOn } = options;
  return {
    workflowId: started?.workflowId ?? '',
    runId: id,
    pipeline: started?.type ?? '',
    status: statusOf(facts, result),
    input: decodePayload(started?.input[0]),
    seed: options.seed ?? 0,
    ...(provenance === undefined ? {} : { provenance }),
    ...(window === undefined ? {} : { window }),
    ...(rerun === undefined ? {} : { rerunOf: { ...rerun.of, from: rerun.from } }),
    ...(planned === undefined ? {} : { planned: planView(planned) }),
    ...(startedOn === undefined ? {} : { startedOn }),
    ...(started?.parent === undefined ? {} : { parent: started.parent }),
    startedAt: started?.at ?? 0,
    ...(closed === undefined ? {} : { closedAt: closed.at }),
    ...(closed?.kind === 'completed' ? completedOutput(result) : {}),
    gates: facts.gates.map(({ record, at }) => ({ ...record, at })),
    approvals: [...facts.approvals.values()].map(({ record, askedAt, settledAt }) => ({
      ...record,
      askedAt,
      ...(settledAt === undefined ? {} : { answeredAt: settledAt }),
    })),
    steps,
    studies: studyViews(facts, steps),
    fanOuts: fanOutViews(facts, options),
    children: [...facts.children.values()].map((child) => {
      const recordedBy = recordedByOf(options, childId(child.workflowId, started?.workflowId ?? ''));
      return { ...childView(child), ...(recordedBy === undefined ? {} : { inputDiffers: true }) };
    }),
    signals: facts.signals.map(({ name, at, payload }) => ({ name, at, payload: decodePayload(payload) })),
    timers: [...facts.timers.values()].map(timerView),
    edges: [...dataEdges(nodes, id), ...causeEdges([...nodes, ...timerNodes(facts), ...approvalNodes(facts)])],
    waitingFor: waitingFor(facts),
    ...blocked(facts, pending),
    ...(facts.workerVersion === undefined ? {} : { workerVersion: facts.workerVersion }),
    events: facts.events,
  };
}

/** The second start argument; another kind of workflow may have been started with anything. */
export function runOptionsOf({ started }: Facts): RunOptions {
  const isModel = started?.type === modelWorkflowType;
  const options = (isModel ? undefined : decodeObject<RunOptions>(started?.input[1])) ?? {};
  const { seed, provenance, window, rerun, startedOn } = options;
  const date = options.planned?.date ?? started?.firedAt;
  return {
    ...(typeof seed === 'number' ? { seed } : {}),
    ...(typeof provenance === 'object' ? { provenance } : {}),
    ...(Array.isArray(window) ? { window } : {}),
    ...(typeof rerun?.of === 'object' && typeof rerun.recorded === 'object' ? { rerun } : {}),
    ...(Array.isArray(startedOn?.news) ? { startedOn } : {}),
    ...(typeof date === 'string' ? { planned: planOf(options.planned, date) } : {}),
  };
}

function planView({ schedule, date, interval }: Planned): NonNullable<RunView['planned']> {
  return {
    ...(schedule === undefined ? {} : { schedule }),
    logicalDate: Date.parse(date ?? ''),
    ...(interval === undefined
      ? {}
      : { interval: { start: Date.parse(interval.start), end: Date.parse(interval.end) } }),
  };
}

/** A run that is no Evertrain pipeline (a model's workflow, a raw one) may answer anything. */
function asPipelineResult(result: unknown): PipelineResult<unknown> | undefined {
  const outcome = (result as { outcome?: unknown } | null | undefined)?.outcome;
  return outcome === 'completed' || outcome === 'rejected' ? (result as PipelineResult<unknown>) : undefined;
}

function completedOutput(result: unknown): { output?: unknown } {
  const known = asPipelineResult(result);
  if (known?.outcome === 'rejected') return {};
  return { output: known === undefined ? result : known.output };
}

function statusOf({ closed, cancelRequested }: Facts, result: unknown): RunStatus {
  if (closed === undefined) return { kind: 'running', ...(cancelRequested ? { cancelRequested } : {}) };
  switch (closed.kind) {
    case 'completed': {
      const known = asPipelineResult(result);
      if (known?.outcome !== 'rejected') return { kind: 'completed' };
      return { kind: 'rejected', gate: known.gate, ...('facts' in known ? { facts: known.facts } : {}) };
    }
    case 'failed': {
      const stepId = failedStepId(closed.failure);
      return { kind: 'failed', ...failureView(closed.failure), ...(stepId === undefined ? {} : { stepId }) };
    }
    case 'terminated':
      return { kind: 'terminated', ...(closed.reason === undefined ? {} : { reason: closed.reason }) };
    case 'continued':
      return { kind: 'continued', runId: closed.runId ?? '' };
    default:
      return { kind: closed.kind };
  }
}

/** `facts.steps` by step: what went in and came out, as far as history carries it. */
function stepValues(facts: Facts, options: RunOptions): Map<StepFacts, StepValues> {
  const values = new Map<StepFacts, StepValues>();
  for (const step of facts.steps.values()) {
    const { end } = step;
    const input = step.input === undefined ? undefined : decodePayload(step.input);
    const recordedBy = recordedByOf(options, step.id);
    if (end?.kind === 'completed') values.set(step, { input, output: decodePayload(end.output), recordedBy });
    else if (end?.kind === 'cached')
      values.set(step, { input: end.lookup.input, output: end.lookup.output, recordedBy });
    else if (end?.kind === 'reused')
      values.set(step, { input, output: options.rerun?.recorded[step.id]?.output, recordedBy });
    else values.set(step, { input, output: undefined, recordedBy });
  }
  return values;
}

/** The run that answered a call which this run was given the output of. */
function recordedByOf({ rerun }: RunOptions, id: string): StepValues['recordedBy'] {
  const recorded = rerun?.recorded[id];
  return recorded === undefined ? undefined : (recorded.from ?? rerun?.of);
}

function nodesOf(facts: Facts, values: Map<StepFacts, StepValues>): Node[] {
  const nodes: Node[] = [];
  for (const [order, step] of facts.steps) {
    const { input, output } = values.get(step) as StepValues;
    nodes.push({ id: step.id, input, output, causes: step.causes, order, endedOrder: step.end?.event });
  }
  for (const [order, child] of facts.children) {
    const output = child.end?.result === undefined ? undefined : decodePayload(child.end.result);
    const input = decodePayload(child.input);
    const id = `child:${child.workflowId}`;
    nodes.push({ id, input, output, causes: child.causes, order, endedOrder: child.end?.event });
  }
  return nodes;
}

function timerNodes(facts: Facts) {
  return [...facts.timers.values()].map(({ id, causes }) => ({ id: `timer:${id}`, causes }));
}

function approvalNodes(facts: Facts) {
  return [...facts.approvals].map(([id, { causes }]) => ({ id: `approval:${id}`, causes }));
}

function stepViews(
  facts: Facts,
  values: Map<StepFacts, StepValues>,
  pending: Pending | undefined,
  attempts: readonly AttemptRecord[] | undefined,
): StepView[] {
  const open = new Map<string, PendingActivity>();
  for (const activity of pending?.pendingActivities ?? []) open.set(activity.activityId ?? '', activity);
  const recorded = new Map<string, AttemptRecord[]>();
  for (const attempt of attempts ?? []) {
    const known = recorded.get(attempt.stepId);
    if (known === undefined) recorded.set(attempt.stepId, [attempt]);
    else known.push(attempt);
  }
  for (const list of recorded.values()) list.sort((a, b) => a.attempt - b.attempt);
  const ofStep = (id: string) => (attempts === undefined ? undefined : (recorded.get(id) ?? []));
  const isOpen = facts.closed === undefined;
  return [...values].map(([step, value]) =>
    stepView(step, value, isOpen ? open.get(step.id) : undefined, ofStep(step.id), isOpen),
  );
}

function childView(child: ChildFacts): ChildView {
  const { workflowId, runId, pipeline, initiatedAt: startedAt, isDetached, end } = child;
  const known = { ...(runId === undefined ? {} : { runId }), ...(isDetached ? { isDetached } : {}) };
  const base = { workflowId, ...known, pipeline, startedAt };
  if (end === undefined) return { ...base, status: runId === undefined ? 'starting' : 'running' };
  const ended = { ...base, endedAt: end.at };
  if (end.kind === 'failed') return { ...ended, status: 'failed', failure: failureView(end.failure) };
  if (end.kind !== 'completed') return { ...ended, status: end.kind };
  const result = decodePayload(end.result);
  if (asPipelineResult(result)?.outcome === 'rejected') return { ...ended, status: 'rejected' };
  return { ...ended, status: 'completed', ...completedOutput(result) };
}

function timerView({ id, startedAt, firesAt, summary, end }: TimerFacts): TimerView {
  const text = summary ? decodePayload(summary) : undefined;
  return {
    id,
    status: end?.kind ?? 'waiting',
    startedAt,
    firesAt,
    ...(end === undefined ? {} : { endedAt: end.at }),
    ...(typeof text === 'string' ? { summary: text } : {}),
  };
}

function waitingFor(facts: Facts): readonly string[] {
  if (facts.closed !== undefined) return [];
  if (facts.waitingFor !== undefined) return facts.waitingFor;
  const open = [...facts.approvals].filter(([, { record }]) => record.state === 'waiting');
  return open.map(([id]) => `approval:${id}`);
}

function blocked(facts: Facts, pending: Pending | undefined): Pick<RunView, 'blocked'> {
  if (facts.blocked === undefined || facts.closed !== undefined) return {};
  const attempt = toNumber(pending?.pendingWorkflowTask?.attempt);
  const said = failureView(facts.blocked.failure).message;
  const message = said.includes('Nondeterminism error')
    ? `The pipeline's code changed under this run; \`evertrain replay\` names the step and the line. ${said}`
    : said;
  return { blocked: { since: facts.blocked.at, message, ...(attempt > 0 ? { attempt } : {}) } };
}
