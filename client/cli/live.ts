import colors from 'picocolors';
import { chunkOf, fanOutWorkflowType } from '../../workflows/sdk/fan-out-messages.js';
import { studyWorkflowType } from '../../workflows/sdk/search/messages.js';
import type { RunView, StudyView, TrialView } from '../history/run-view.js';
import type { Run } from '../run.js';
import type { RunEvent } from '../run-events.js';
import { childId } from '../history/fold-child.js';
import { trialCallsOf } from '../history/trial-call.js';
import type { WorkWatch } from './at-work.js';
import { hasColor, isScreen, type Paint } from './paint.js';
import { Screen, type ScreenStream } from './screen.js';
import { failureLine, improvementLine, settingText, stateLine } from './study-lines.js';
import { approvalLine, fanOutLine, gateLine, renderTree, stepLine } from './tree.js';
import { shortText } from './value-text.js';

export interface LiveOptions {
  readonly stream: ScreenStream & { readonly isTTY?: boolean };
  readonly signal?: AbortSignal;
  /** What people who look want to know beside. */
  readonly watch?: WorkWatch;
}

const frameMs = 200;

/** Shows a run until it closes: redrawn in place on a terminal, else a line for each thing that happens. */
export async function followRun(run: Pick<Run, 'events'>, options: LiveOptions): Promise<RunView | undefined> {
  const { stream, signal } = options;
  const events = run.events(signal === undefined ? {} : { signal });
  if (isScreen(stream)) return drawn(events, options);
  let view: RunView | undefined;
  for await (const event of events) {
    view = event.view;
    for (const line of plainLines(event)) stream.write(`${line}\n`);
  }
  return view;
}

async function drawn(events: AsyncIterable<RunEvent>, { stream, watch }: LiveOptions): Promise<RunView | undefined> {
  const screen = new Screen(stream);
  const notes: string[] = [];
  const color = hasColor(stream);
  let view: RunView | undefined;
  const frame = (): string[] => {
    if (view === undefined) return [];
    const options = { color, width: screen.columns, ...(watch === undefined ? {} : { atWork: watch }) };
    const whole = [...notes, ...renderTree(view, options)];
    if (view.closedAt !== undefined || whole.length <= screen.rows) return whole;
    const brief = [...notes, ...renderTree(view, { ...options, isBrief: true })];
    if (brief.length <= screen.rows) return brief;
    return [...brief.slice(0, screen.rows - 1), `… ${brief.length - screen.rows + 1} more lines`];
  };
  const timer = setInterval(() => {
    if (view !== undefined) watch?.look(view);
    screen.draw(frame());
  }, frameMs);
  try {
    for await (const event of events) {
      if (event.type === 'unserved' || event.type === 'disconnected') notes.push(event.message);
      if (event.type === 'reconnected') notes.length = 0;
      view = event.view;
    }
  } finally {
    clearInterval(timer);
    screen.draw(frame());
  }
  return view;
}

function plainLines(event: RunEvent): string[] {
  const paint = colors.createColors(false);
  if ('step' in event && isOfTrial(event.step.id, event.view)) return [];
  switch (event.type) {
    case 'step-started':
      // A short step has ended by the time that its start is told.
      return event.step.status === 'running' ? [stepLine(event.step, event.at, paint)] : [];
    case 'step-completed':
    case 'step-failed':
    case 'step-cancelled':
      return [stepLine(event.step, event.at, paint)];
    case 'step-retrying':
      return [`${stepLine(event.step, event.at, paint)} (${event.failure.message}; it is tried again)`];
    case 'gate':
      return [gateLine(event.gate, paint)];
    case 'approval':
      return [approvalLine(event.approval, paint)];
    case 'child':
      if (event.child.pipeline === fanOutWorkflowType) return fanOutLines(event);
      return event.child.pipeline === studyWorkflowType && event.child.status === 'running'
        ? [`▸ a study in a run of its own: evertrain show ${event.child.workflowId}`]
        : [];
    case 'study-began':
      return [`▸ study ${event.study.id}: ${event.study.planned} trials, ${settingText(event.study)}`];
    case 'study-improved':
      return [improvementLine(event.study, event.best, paint)];
    case 'trial-ended':
      return failedTrialLine(event.study, event.trial, paint);
    case 'study-ended':
      return [stateLine(event.study, paint), ...failureLine(event.study, paint)];
    case 'blocked':
      return [`blocked: ${event.message}`];
    case 'unserved':
      return [event.message];
    case 'disconnected':
      return [`engine lost: ${event.message}`];
    case 'reconnected':
      return ['engine found again'];
    case 'closed':
      return [`${event.view.pipeline} ${event.view.status.kind}`];
    default:
      return [];
  }
}

/** As each chunk ends. */
function fanOutLines({ child, view }: RunEvent & { readonly type: 'child' }): string[] {
  const chunk = chunkOf(childId(child.workflowId, view.workflowId));
  const fanOut = view.fanOuts.find(({ id }) => id === chunk?.fanOut);
  return fanOut === undefined || child.endedAt === undefined ? [] : [fanOutLine(fanOut, colors.createColors(false))];
}

/** A step of a trial is not told of: there may be thousands. */
function isOfTrial(stepId: string, { studies }: RunView): boolean {
  if (studies.length === 0) return false;
  return trialCallsOf(stepId, new Set(studies.map(({ id }) => id))).length > 0;
}

/** The first trial that fails in a way; how many followed it is said at the study's end. */
function failedTrialLine({ id, trials }: StudyView, trial: TrialView, paint: Paint): string[] {
  if (trial.state !== 'failed') return [];
  const { code, message } = trial.failure;
  const first = trials
    .filter((one) => one.state === 'failed' && one.failure.code === code)
    .sort((a, b) => endOf(a) - endOf(b))[0];
  if (first?.number !== trial.number) return [];
  return [`${paint.red('✖')} study ${id}: trial ${trial.number} failed with ${code}: ${shortText(message, 200)}`];
}

function endOf(trial: TrialView): number {
  return 'endedAt' in trial ? (trial.endedAt ?? 0) : 0;
}
