import { continueAsNew, inWorkflowContext, workflowInfo } from '@temporalio/workflow';
import { EvertrainError } from '../errors.js';
import type { PipelineDefinition } from '../pipeline.js';
import type { Policy } from '../policy.js';
import { type PipelineResult, type RunOptions, studyWorkflowType } from '../protocol.js';
import { defined } from '../registry.js';
import { currentPath, currentScope, type RunScope, type StepPath } from '../run-scope.js';
import { conductStudy, type Study } from './conduct-study.js';
import type { StudyPlan, StudyState } from './study-plan.js';
import type { TrialInput } from './trial-call.js';

/**
 * A large study is a run of its own, that continues as new when its history is full: what it was asked for is the first
 * argument, what has happened follows in pieces, since no payload may have more than 2 MB.
 */
interface StudyRunInput {
  readonly plan: StudyPlan;
  readonly trial: { readonly kind: 'step' | 'pipeline'; readonly name: string };
  readonly with: object;
  /** Of the pipeline that searches. */
  readonly defaults: Policy;
}

export type TrialTarget = ((input: unknown) => Promise<unknown>) & {
  readonly kind?: 'step' | 'pipeline';
  readonly name: string;
};

/** What calling a trial with its parameters does. */
export function callOf(trial: TrialTarget, bound: object | undefined): (input: TrialInput) => Promise<unknown> {
  if (trial.kind === undefined) return trial as (input: unknown) => Promise<unknown>;
  return (input) => trial({ ...bound, ...input });
}

const pieceLength = 1_000_000;
const mostPieces = 3;

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
  const [input, , ...pieces] = args as [StudyRunInput, RunOptions | undefined, ...string[]];
  return {
    kind: 'pipeline',
    name: studyWorkflowType,
    description: 'a hyper-parameter study',
    input: undefined,
    defaults: input.defaults,
    run: () => conduct(input, pieces),
  };
}

async function conduct(
  { plan, trial, with: bound, ...rest }: StudyRunInput,
  pieces: readonly string[],
): Promise<Study> {
  const scope = currentScope(`search "${plan.study}"`);
  const target = [...defined.steps, ...defined.pipelines].find(
    ({ kind, name }) => kind === trial.kind && name === trial.name,
  );
  if (target === undefined) {
    const code = trial.kind === 'step' ? 'USER_STEP_UNKNOWN' : 'USER_PIPELINE_UNKNOWN';
    throw new EvertrainError(code, `There is no ${trial.kind} "${trial.name}" in the worker’s code any more.`, {
      value: trial.name,
      remedy: 'Start a worker with the code that the study began with.',
    });
  }
  const state = pieces.length === 0 ? undefined : (JSON.parse(pieces.join('')) as StudyState);
  const call = callOf(target as unknown as TrialTarget, bound);
  const settings = { plan, scope, at: currentPath(), call, ...executionOf(plan.study), isFull };
  const study = await conductStudy(settings, state);
  if (!('open' in study)) return study;
  const text = JSON.stringify(study.open);
  const count = Math.ceil(text.length / pieceLength);
  if (count > mostPieces) {
    throw new EvertrainError(
      'USER_PAYLOAD_TOO_LARGE',
      `search "${plan.study}": its trials have ${text.length} characters.`,
      {
        value: text.length,
        remedy: 'Search fewer trials in one study, or fewer parameters.',
      },
    );
  }
  const next = Array.from({ length: count }, (_, i) => text.slice(i * pieceLength, (i + 1) * pieceLength));
  return continueAsNew({ plan, trial, with: bound, ...rest }, scope.options, ...next);
}

/** Half of what a run may have, so that what is at work still finds room. */
const fullAt = { events: 15_000, bytes: 15_000_000 };

function isFull(): boolean {
  if (!inWorkflowContext()) return false;
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return continueAsNewSuggested || historyLength > fullAt.events || historySize > fullAt.bytes;
}

/** What names an execution of a study, over all runs that it goes on in; plain calls have none. */
export function executionOf(study: string): { readonly execution: string; readonly runId: string } {
  if (!inWorkflowContext()) return { execution: study, runId: '' };
  const { firstExecutionRunId, runId } = workflowInfo();
  return { execution: `${firstExecutionRunId}/${study}`, runId };
}
