import {
  CancellationScope,
  ContinueAsNew,
  condition,
  DeterminismViolationError,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  proxySinks,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ApprovalAnswer, ApprovalRecord } from './approval-messages.js';
import { acceptAnswer, checkAnswer } from './approval.js';
import { showDetailsOf } from './current-details.js';
import type { PipelineDefinition } from './definitions.js';
import { asFailure, refusing } from './failures.js';
import { fanOutWorkflowType, type ItemsReport } from './fan-out-messages.js';
import { checkOutput } from './json-size.js';
import { modelMessages } from './model/messages.js';
import { notice } from './notice.js';
import type { PoolGrant } from './pools/messages.js';
import { type PipelineResult, runMessages, type RunOutcome, type RunSinks, searchAttributes } from './protocol.js';
import type { RunOptions } from './run-options.js';
import { enterScope, type RunScope } from './run-scope.js';
import { withPlan } from './schedule/planned.js';
import { decode } from './schema.js';
import type { TrialReport } from './search/messages.js';
import { TemporalHost } from './temporal-host.js';

/**
 * One run of a pipeline as a workflow: handlers first (before anything is awaited), then the user's function in a scope
 * of its own, then its end, said to everybody who must know: search attribute, model, notifier, the worker's recorder.
 */
export async function runPipeline(pipeline: PipelineDefinition, input: unknown, options: RunOptions): Promise<unknown> {
  const scope = openScope(pipeline, withPlan(options));
  try {
    const decoded = decodeInput(pipeline, input);
    const result = await untilGate(scope, () => pipeline.run(decoded as never));
    if (result.outcome === 'completed') checkOutput(pipeline.name, result.output);
    await close(scope, result.outcome, result);
    return result;
  } catch (error) {
    if (error instanceof DeterminismViolationError) throw error;
    if (error instanceof ContinueAsNew) {
      // What is on its way to a pool or asset when an execution ends does not arrive.
      await Promise.all([scope.host.pools.close(), scope.host.publications.close()]);
      throw error;
    }
    if (isCancellation(error)) {
      await close(scope, 'cancelled', {
        outcome: 'failed',
        code: 'USER_RUN_CANCELLED',
        message: 'The run was cancelled.',
      });
      throw error;
    }
    const failure = asFailure(error);
    await close(scope, 'failed', {
      outcome: 'failed',
      code: failure.type ?? 'USER_CODE_FAILED',
      message: failure.message,
    });
    throw failure;
  }
}

type OwnScope = RunScope & { readonly host: TemporalHost };

/**
 * A schema that was tightened since must not stop an open run: its input was good when it began, and is taken as it came.
 * Only a run that began with a bad one fails, now as then, which its history is marked with.
 */
function decodeInput({ name, input: schema }: PipelineDefinition, input: unknown): unknown {
  try {
    return decode(schema, input, 'USER_INPUT_INVALID', `the input of pipeline "${name}"`);
  } catch (error) {
    if (patched('evertrain-input-invalid')) throw error;
    return input;
  }
}

function openScope(pipeline: PipelineDefinition, options: RunOptions): OwnScope {
  const host = new TemporalHost();
  const onReport = new Map<string, (report: TrialReport) => void>();
  const fanOuts: RunScope['fanOuts'] = new Map();
  const scope: OwnScope = { pipeline, options, host, counts: new Map(), progress: new Map(), onReport, fanOuts };
  enterScope(scope);
  showDetailsOf(scope);
  setHandler(defineSignal<[TrialReport]>(runMessages.report), (report) => {
    onReport.get(studyOf(report.stepId, onReport.keys()) ?? '')?.(report);
  });
  setHandler(defineSignal<[PoolGrant]>(runMessages.granted), (grant) => host.pools.granted(grant));
  setHandler(defineSignal<[ItemsReport]>(runMessages.items), (report) => {
    const chunks = fanOuts.get(report.fanOut)?.chunks;
    // It may arrive after the chunk's end.
    if (report.ended > (chunks?.get(report.from)?.ended ?? 0)) chunks?.set(report.from, report);
  });
  setDefaultSignalHandler((name, ...args) => {
    host.signals.set(name, [...(host.signals.get(name) ?? []), args[0]]);
  });
  const book = host.approvals;
  setHandler(
    defineUpdate<{ recorded: true }, [ApprovalAnswer]>(runMessages.approve),
    (given) => acceptAnswer(book, given),
    { validator: (given) => refusing(() => checkAnswer(book, given)) },
  );
  setHandler(defineQuery<ApprovalRecord[]>(runMessages.approvals), () => [...book].map(approvalRecord));
  const { typedSearchAttributes } = workflowInfo();
  const key = { name: searchAttributes.pipeline.name, type: searchAttributes.pipeline.type } as const;
  if (typedSearchAttributes.get(key) === undefined) upsertSearchAttributes([{ key, value: pipeline.name }]);
  return scope;
}

/** A study may be in a trial of another one: the innermost is meant. */
function studyOf(stepId: string, studies: Iterable<string>): string | undefined {
  const around = [...studies].filter((study) => stepId.startsWith(`${study}[`));
  return around.sort((a, b) => b.length - a.length)[0];
}

function approvalRecord([id, open]: [string, RunScope['host']['approvals'] extends Map<string, infer O> ? O : never]) {
  const { name, state, facts, deadlineMs, answerSchema, answer, actor } = open;
  return { id, name, state, facts, deadlineMs, answerSchema, answer, actor } as ApprovalRecord;
}

/**
 * The function's answer, or the rejection of a gate, also when user code swallowed it. A rejection cancels what is open
 * and gives it 10 seconds to end.
 */
async function untilGate(scope: RunScope, run: () => Promise<unknown>): Promise<PipelineResult<unknown>> {
  const steps = new CancellationScope({ cancellable: true });
  scope.onReject = () => steps.cancel();
  let ended = false;
  const running = steps.run(run).finally(() => {
    ended = true;
  });
  running.catch(() => undefined);
  // A cancellation reaches the function through its own scope; the run ends when the function has, clean-up included.
  await CancellationScope.nonCancellable(() => condition(() => ended || scope.rejected !== undefined));
  if (scope.rejected === undefined) {
    const output = await running;
    return { outcome: 'completed', output };
  }
  await condition(() => ended, 10_000);
  const { gate, facts } = scope.rejected;
  return { outcome: 'rejected', gate, ...(facts === undefined ? {} : { facts }) };
}

async function close(
  scope: OwnScope,
  outcome: 'completed' | 'rejected' | 'failed' | 'cancelled',
  result: RunOutcome['result'],
): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    const key = { name: searchAttributes.outcome.name, type: searchAttributes.outcome.type } as const;
    const waiting = { name: searchAttributes.waitingFor.name, type: searchAttributes.waitingFor.type } as const;
    const isAsking = [...scope.host.approvals.values()].some(({ state }) => state === 'waiting');
    upsertSearchAttributes([{ key, value: outcome }, ...(isAsking ? [{ key: waiting, value: null }] : [])]);
    // Of a chunk the run that it is of will tell.
    const isTold = outcome === 'failed' && scope.pipeline.name !== fanOutWorkflowType;
    const told = isTold && 'message' in result ? tellFailure(scope, result.message) : undefined;
    await Promise.all([told, report(scope, result), scope.host.pools.close(), scope.host.publications.close()]);
    proxySinks<RunSinks>().evertrain.closing();
  });
}

function tellFailure(scope: RunScope, message: string): Promise<void> {
  return notice({ kind: 'run-failed', pipeline: scope.pipeline.name, message });
}

async function report(scope: RunScope, result: RunOutcome['result']): Promise<void> {
  const to = scope.options.reportTo;
  if (to === undefined) return;
  const { workflowId, runId } = workflowInfo();
  const outcome: RunOutcome = { trigger: to.trigger, workflowId, runId, result };
  await getExternalWorkflowHandle(to.workflowId)
    .signal(modelMessages.outcome, outcome)
    .catch(() => undefined);
}
