import { continueAsNew, inWorkflowContext, workflowInfo } from '@temporalio/workflow';
import type { Artifact } from '../artifact.js';
import type { PipelineDefinition } from '../definitions.js';
import { EvertrainError, show } from '../errors.js';
import { jsonLength } from '../json-size.js';
import { keepText, keptText } from '../kept-text.js';
import { type NamedTarget, targetOf } from '../named-target.js';
import type { Policy } from '../policy.js';
import type { PipelineResult } from '../protocol.js';
import { currentPath, currentScope, type RunScope, type StepPath } from '../run-scope.js';
import { conductStudy, type Study } from './conduct-study.js';
import { studyWorkflowType } from './messages.js';
import type { StudyPlan, StudyState } from './study-plan.js';
import type { TrialInput } from './trial-call.js';

/** A large study is a run of its own, that continues as new when its history is full. */
interface StudyRunInput {
  readonly plan: StudyPlan;
  readonly trial: NamedTarget;
  readonly with: object;
  /** Of the pipeline that searches. */
  readonly defaults: Policy;
  /** What has happened before: `StudyState` as JSON, which may be more than the engine hands from run to run. */
  readonly state?: readonly Artifact[];
}

export type TrialTarget = ((input: unknown) => Promise<unknown>) & {
  readonly kind?: 'step' | 'pipeline';
  readonly name: string;
};

/** What calling a trial with its parameters does. */
export function callOf(trial: TrialTarget, bound: object | undefined): (input: TrialInput) => Promise<unknown> {
  if (trial.kind === undefined) return trial as (input: unknown) => Promise<unknown>;
  if (trial.kind === 'step') return (input) => trial({ ...bound, ...input });
  return async (input) => outputOf((await trial({ ...bound, ...input })) as PipelineResult<unknown>);
}

/** For a trial a rejection is a bad result, and no decision on the run that searches. */
function outputOf(result: PipelineResult<unknown>): unknown {
  if (result.outcome === 'completed') return result.output;
  throw new EvertrainError('USER_OUTPUT_INVALID', `The trial was rejected by its gate ${show(result.gate)}.`);
}

/** The study as a child run of the run at hand. */
export async function inStudyRun(
  scope: RunScope,
  at: StepPath,
  plan: StudyPlan,
  { kind, name }: TrialTarget,
  bound: object = {},
): Promise<Study> {
  const own = { ...plan, study: plan.study.slice(at.prefix.length) };
  const { defaults } = scope.pipeline;
  const input: StudyRunInput = { plan: own, trial: { kind: kind as 'step', name }, with: bound, defaults };
  const result = (await scope.host.child(scope, studyRun([input]), input, plan.study, at)) as PipelineResult<Study>;
  if (result.outcome === 'completed') return result.output;
  throw new EvertrainError(
    'USER_STUDY_FAILED',
    `search "${plan.study}" ended at the gate "${result.gate}" of a trial.`,
  );
}

/** The pipeline that such a run is of. */
export function studyRun(args: readonly unknown[]): PipelineDefinition {
  const [input] = args as [StudyRunInput];
  return {
    kind: 'pipeline',
    name: studyWorkflowType,
    description: 'a hyper-parameter study',
    input: undefined,
    defaults: input.defaults,
    run: () => conduct(input),
  };
}

async function conduct(input: StudyRunInput): Promise<Study> {
  const { plan, trial, with: bound } = input;
  const scope = currentScope(`search "${plan.study}"`);
  const call = callOf(targetOf(trial), bound);
  const summary = `${plan.study}: what has happened so far`;
  const before = input.state && (await keptText(scope.host, input.state, summary));
  const state = before === undefined ? undefined : (JSON.parse(before) as StudyState);
  const settings = { plan, scope, at: currentPath(), call, ...executionOf(plan.study), isFull: fullness() };
  const study = await conductStudy(settings, state);
  if (!('open' in study)) return { ...study, trials: fitting(study.trials) };
  const kept = await keepText(scope.host, JSON.stringify(study.open), summary);
  return continueAsNew({ ...input, state: kept }, scope.options);
}

const mostBytes = 500_000;

/** As many of the best as the answer of a run has room for. */
function fitting(trials: Study['trials']): Study['trials'] {
  let bytes = 0;
  const end = trials.findIndex((trial) => (bytes += jsonLength(trial)) > mostBytes);
  return end === -1 ? trials : trials.slice(0, end);
}

/** Half of what a run may have, so that what is at work still finds room. */
const fullAt = { events: 15_000, bytes: 15_000_000 };
/** The engine counts what a run has read of earlier ones: each must get on all the same. */
const leastEvents = 500;

function fullness(): () => boolean {
  if (!inWorkflowContext()) return () => false;
  const start = workflowInfo();
  return () => {
    const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
    const events = historyLength - start.historyLength;
    if (events < leastEvents) return false;
    return continueAsNewSuggested || events > fullAt.events || historySize - start.historySize > fullAt.bytes;
  };
}

/** What names an execution of a study, over all runs that it goes on in; plain calls have none. */
export function executionOf(study: string): { readonly execution: string; readonly runId: string } {
  if (!inWorkflowContext()) return { execution: study, runId: '' };
  const { firstExecutionRunId, runId } = workflowInfo();
  return { execution: `${firstExecutionRunId}/${study}`, runId };
}
