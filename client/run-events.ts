import type {
  ApprovalView,
  ChildView,
  FailureView,
  GateView,
  RunView,
  SignalView,
  StepView,
} from './history/run-view.js';
import { type StudyHappening, studyHappenings } from './study-events.js';

/** Something that happened in a run, with the run as it then stood. `at`: epoch milliseconds. */
export type RunEvent = { readonly at: number; readonly view: RunView } & RunHappening;

export type RunHappening =
  | StudyHappening
  | { readonly type: 'step-queued'; readonly step: StepView }
  /** A worker works at it; once for each attempt that is seen. */
  | { readonly type: 'step-started'; readonly step: StepView }
  | { readonly type: 'step-progress'; readonly step: StepView; readonly progress: unknown }
  /** An attempt failed and another follows. */
  | { readonly type: 'step-retrying'; readonly step: StepView; readonly failure: FailureView }
  /** Also of a cached and a reused step: `step.status` tells. */
  | { readonly type: 'step-completed'; readonly step: StepView }
  | { readonly type: 'step-failed'; readonly step: StepView; readonly failure: FailureView }
  | { readonly type: 'step-cancelled'; readonly step: StepView }
  | { readonly type: 'gate'; readonly gate: GateView }
  /** It was asked for, or settled: `approval.state` tells. */
  | { readonly type: 'approval'; readonly approval: ApprovalView }
  | { readonly type: 'signal'; readonly signal: SignalView }
  | { readonly type: 'child'; readonly child: ChildView }
  /** The run's own code fails outside of any step; it goes on when a fitting worker takes it. */
  | { readonly type: 'blocked'; readonly message: string }
  /** Steps (or the run itself, when none is named) wait in a queue that no worker serves; told once for a queue. */
  | { readonly type: 'unserved'; readonly queue: string; readonly steps: readonly string[]; readonly message: string }
  /** The engine cannot be reached; events go on by themselves when it can. */
  | { readonly type: 'disconnected'; readonly message: string }
  | { readonly type: 'reconnected' }
  /** The run goes on as a new run of the same id, whose events follow. */
  | { readonly type: 'continued'; readonly runId: string }
  | { readonly type: 'closed' };

/** What happened from one view to the next, in the order of its times; from nothing: all that a view tells. */
export function happenings(before: RunView | undefined, view: RunView): RunEvent[] {
  const found: RunEvent[] = [];
  const add = (at: number | undefined, happening: RunHappening) => {
    found.push({ at: at ?? view.startedAt, view, ...happening });
  };
  for (const gate of view.gates.slice(before?.gates.length ?? 0)) add(gate.at, { type: 'gate', gate });
  for (const signal of view.signals.slice(before?.signals.length ?? 0)) add(signal.at, { type: 'signal', signal });
  const approvals = new Map(before?.approvals.map((approval) => [approval.id, approval.state]));
  for (const approval of view.approvals) {
    if (approvals.get(approval.id) === approval.state) continue;
    add(approval.answeredAt ?? approval.askedAt, { type: 'approval', approval });
  }
  const children = new Map(before?.children.map((child, n) => [n, child.status]));
  for (const [n, child] of view.children.entries()) {
    if (children.get(n) !== child.status) add(child.endedAt ?? child.startedAt, { type: 'child', child });
  }
  if (view.blocked !== undefined && view.blocked.since !== before?.blocked?.since) {
    add(view.blocked.since, { type: 'blocked', message: view.blocked.message });
  }
  stepHappenings(before, view, add);
  studyHappenings(before, view, add);
  found.sort((a, b) => a.at - b.at);
  if (view.closedAt !== undefined && before?.closedAt === undefined) {
    const last =
      view.status.kind === 'continued' ? { type: 'continued', runId: view.status.runId } : { type: 'closed' };
    found.push({ at: view.closedAt, view, ...(last as RunHappening) });
  }
  return found;
}

type Add = (at: number | undefined, happening: RunHappening) => void;

function stepHappenings(before: RunView | undefined, view: RunView, add: Add): void {
  // Steps are only ever added at the end, so a step keeps its place.
  for (const [n, step] of view.steps.entries()) {
    const earlier = before?.steps[n];
    if (earlier === undefined) add(step.scheduledAt, { type: 'step-queued', step });
    started(earlier, step, add);
    if (earlier?.status === step.status && step.status !== 'running' && step.status !== 'queued') continue;
    switch (step.status) {
      case 'completed':
      case 'cached':
      case 'reused':
        add(step.endedAt, { type: 'step-completed', step });
        break;
      case 'failed':
        add(step.endedAt, { type: 'step-failed', step, failure: step.failure });
        break;
      case 'cancelled':
        add(step.endedAt, { type: 'step-cancelled', step });
        break;
      case 'running':
        progressed(earlier, step, add);
        break;
      case 'queued':
        retried(earlier, step, add);
    }
  }
}

function started(earlier: StepView | undefined, step: StepView, add: Add): void {
  if (!('startedAt' in step) || step.startedAt === undefined) return;
  if (earlier !== undefined && 'startedAt' in earlier && earlier.attempt === step.attempt) return;
  add(step.startedAt, { type: 'step-started', step });
}

function progressed(earlier: StepView | undefined, step: StepView & { status: 'running' }, add: Add): void {
  const last = earlier?.status === 'running' && earlier.attempt === step.attempt ? earlier.progress : undefined;
  if (step.progress === undefined || JSON.stringify(last) === JSON.stringify(step.progress)) return;
  add(step.lastHeartbeatAt ?? step.startedAt, { type: 'step-progress', step, progress: step.progress });
}

function retried(earlier: StepView | undefined, step: StepView & { status: 'queued' }, add: Add): void {
  if (step.lastFailure === undefined) return;
  if (earlier?.status === 'queued' && earlier.attempt === step.attempt) return;
  add(step.nextAttemptAt ?? step.scheduledAt, { type: 'step-retrying', step, failure: step.lastFailure });
}
