import colors from 'picocolors';
import { fanOutWorkflowType } from '../../workflows/sdk/fan-out-messages.js';
import { studyWorkflowType } from '../../workflows/sdk/search/messages.js';
import { childId } from '../history/fold-child.js';
import type {
  ApprovalView,
  ChildView,
  FanOutView,
  GateView,
  RunView,
  StepView,
  WaitingStep,
} from '../history/run-view.js';
import { trialCallsOf } from '../history/trial-call.js';
import type { Paint } from './paint.js';
import { stateLine, studyLines } from './study-lines.js';
import { thousands } from '../../workflows/sdk/thousands.js';
import type { SensorAnswer } from '../../workflows/sdk/sensors/condition.js';
import type { AtWork } from './at-work.js';
import { fanOutBar, runLeft, workLine, type WorkLineOptions } from './work-line.js';
import { isoText, numberText, timeText } from './value-text.js';

export interface TreeOptions {
  readonly color: boolean;
  /** Columns; longer lines are cut. */
  readonly width: number;
  readonly now?: number;
  /** Of a run that is followed: steps at work have bars, curves and the time that is left. */
  readonly atWork?: AtWork;
  /** Leaves out steps that have ended well, but for their number. */
  readonly isBrief?: boolean;
}

/** Children of a group above which only a count is shown. */
const foldAbove = 12;
/** Studies above which each has one line. */
const mostStudies = 5;

/** A run as lines: a step each (mark, id, status, attempt, duration, key metrics), groups folded, then its studies, its decisions. */
export function renderTree(view: RunView, options: TreeOptions): string[] {
  const { color, width, now = Date.now(), atWork, isBrief = false } = options;
  const paint = colors.createColors(color);
  const isOpen = view.closedAt === undefined;
  const work = (indent: string) =>
    atWork === undefined || !isOpen ? undefined : { paint, now, atWork, width: width - indent.length };
  const of = work('');
  const left = of === undefined ? '' : ` ${runLeft(view, of)}`;
  const lines = [`${paint.bold(view.pipeline)} ${paint.dim(view.workflowId)}  ${statusText(view)}${left}`];
  if (view.rerunOf !== undefined) lines.push(`  repeats ${view.rerunOf.workflowId} from ${view.rerunOf.from}`);
  if (view.planned !== undefined) lines.push(`  ${planText(view.planned)}`);
  if (view.startedOn !== undefined) lines.push(...newsLines(view.startedOn));
  for (const [group, steps] of grouped(ownSteps(view))) {
    const indent = group === '' ? '  ' : '    ';
    const isFolded = group !== '' && steps.length > foldAbove;
    if (group !== '') lines.push(`  ${group} ${paint.dim(countsText(steps))}`);
    if (isFolded) continue;
    const shown = isBrief ? steps.filter(({ status }) => !endedWell.has(status)) : steps;
    if (shown.length < steps.length) {
      lines.push(`${indent}${paint.green(marks.completed)} ${steps.length - shown.length} steps have ended`);
    }
    for (const step of shown) lines.push(indent + stepLine(step, now, paint, work(indent)));
  }
  for (const { status, summary } of view.closedAt === undefined ? view.timers : []) {
    if (status === 'waiting' && summary !== undefined) lines.push(`  ${marks.waiting} ${summary}`);
  }
  for (const fanOut of view.fanOuts) lines.push(`  ${fanOutLine(fanOut, paint, !isOpen, work('  '))}`);
  for (const line of linesOfChildren(view, paint)) lines.push(`  ${line}`);
  for (const line of linesOfStudies(view, paint, width - 2)) lines.push(`  ${line}`);
  for (const gate of view.gates) lines.push(`  ${gateLine(gate, paint)}`);
  for (const approval of view.approvals) lines.push(`  ${approvalLine(approval, paint, view.closedAt !== undefined)}`);
  return lines.map((line) => cut(withoutControls(line), width));
}

function newsLines({ rule, news }: NonNullable<RunView['startedOn']>): string[] {
  return [
    `  on news, by rule ${rule}`,
    ...news.map(({ asset, at, by }) => `    ${asset} of ${isoText(at)}, by ${by.stepId} of ${by.workflowId}`),
  ];
}

function planText({ schedule, logicalDate, interval }: NonNullable<RunView['planned']>): string {
  const by = schedule === undefined ? '' : `schedule ${schedule}, `;
  const data = interval === undefined ? '' : `, data from ${isoText(interval.start)} to ${isoText(interval.end)}`;
  return `${by}logical date ${isoText(logicalDate)}${data}`;
}

/** Without those of trials and chunks that were taken over, which their study and fan-out stand for. */
function ownSteps({ steps, studies }: RunView): readonly StepView[] {
  const own = steps.filter(({ name }) => name !== fanOutWorkflowType);
  if (studies.length === 0) return own;
  const ids = new Set(studies.map(({ id }) => id));
  return own.filter(({ id }) => trialCallsOf(id, ids).length === 0);
}

/** Runs of a fan-out that are named. */
const mostRuns = 4;

/** How far a fan-out is whose items are at work in runs of their own. */
export function fanOutLine(fanOut: FanOutView, paint: Paint, closed = false, work?: WorkLineOptions): string {
  const { id, items, ended, failed, runs } = fanOut;
  const mark = ended === items ? paint.green('✔') : closed ? '∅' : '▸';
  const bad = failed === 0 ? '' : paint.red(`, ${thousands(failed)} failed`);
  const where = closed || runs.length === 0 ? '' : paint.dim(`  at work in ${runs.slice(0, mostRuns).join(', ')}`);
  if (work !== undefined && ended < items) {
    return fanOutBar(fanOut, [`${thousands(ended)} of ${thousands(items)}${bad}`], work);
  }
  return `${mark} ${id} ${thousands(ended)} of ${thousands(items)} items${bad}${where}`;
}

/** Runs of other pipelines that this one has called or started. */
function linesOfChildren({ children }: RunView, paint: Paint): string[] {
  const own = children.filter(({ pipeline }) => pipeline !== studyWorkflowType && pipeline !== fanOutWorkflowType);
  const lines = own.slice(0, foldAbove).map((child) => {
    const { status, isDetached, workflowId } = child;
    const state = isDetached === true && status === 'running' ? 'started, not waited for' : status;
    const failure = child.failure === undefined ? '' : ` ${child.failure.message}`;
    return `${paint.green(childMarks[status])} ${child.pipeline} ${paint.dim(`${state}, ${workflowId}`)}${failure}`;
  });
  return own.length > foldAbove ? [...lines, `… and ${own.length - foldAbove} more runs`] : lines;
}

function linesOfStudies({ studies, children, workflowId }: RunView, paint: Paint, width: number): string[] {
  const isBrief = studies.length > mostStudies;
  const known = new Set(studies.map(({ id }) => id));
  const apart = children.flatMap((child) => {
    const study = childId(child.workflowId, workflowId);
    if (child.pipeline !== studyWorkflowType || known.has(study)) return [];
    return [`▸ study ${study}: ${child.status} in a run of its own, ${child.workflowId}`];
  });
  return [
    ...studies.flatMap((study) => (isBrief ? [stateLine(study, paint)] : studyLines(study, { paint, width }))),
    ...apart,
  ];
}

function grouped(steps: readonly StepView[]): Map<string, StepView[]> {
  const groups = new Map<string, StepView[]>();
  for (const step of steps) {
    const group = step.groups.join('/');
    groups.set(group, [...(groups.get(group) ?? []), step]);
  }
  return groups;
}

function countsText(steps: readonly StepView[]): string {
  const counts = new Map<string, number>();
  for (const { status } of steps) counts.set(status, (counts.get(status) ?? 0) + 1);
  return `${steps.length} steps: ${[...counts].map(([status, count]) => `${count} ${status}`).join(', ')}`;
}

function statusText(view: RunView): string {
  const { status } = view;
  if (status.kind === 'rejected') return `rejected by gate "${status.gate}"`;
  if (status.kind === 'failed') return `failed: ${status.message}`;
  return status.kind;
}

const marks: Record<StepView['status'], string> = {
  queued: '·',
  waiting: '◔',
  running: '▸',
  completed: '✔',
  cached: '♻',
  reused: '♻',
  failed: '✖',
  cancelled: '∅',
  unknown: '?',
};

const endedWell: ReadonlySet<StepView['status']> = new Set(['completed', 'cached', 'reused']);

const childMarks: Record<ChildView['status'], string> = {
  starting: '·',
  running: '▸',
  completed: '✔',
  rejected: '∅',
  failed: '✖',
  cancelled: '∅',
  terminated: '✖',
  'timed-out': '✖',
  existed: '♻',
};

/** One line of a step, also used by itself when a run is followed without a terminal. */
export function stepLine(step: StepView, now: number, paint: Paint, work?: WorkLineOptions): string {
  if (work !== undefined && step.status === 'running') return workLine(step, work);
  const mark = step.status === 'failed' ? paint.red(marks.failed) : paint.green(marks[step.status]);
  if (step.status === 'waiting') return waitingLine(step, now, paint);
  const tries = step.waitsUntil === undefined ? 'attempt' : 'at look';
  const attempt = typeof step.attempt === 'number' && step.attempt > 1 ? ` ${tries} ${step.attempt}` : '';
  const metrics = metricsText(Object.fromEntries(Object.entries(step.metrics).slice(0, 4)));
  const failure = step.status === 'failed' ? ` ${step.failure.message}` : '';
  const state = step.status + sourceText(step) + attempt + durationText(step, now);
  return `${mark} ${step.id} ${paint.dim(state)} ${metrics}${failure}`.trimEnd();
}

/** `◔ new-data waiting until s3://… exists: nothing is there yet (12 looks, the next in 24s)` */
function waitingLine(step: WaitingStep, now: number, paint: Paint): string {
  const { looks, nextLookAt, lastLook, lastFailure } = step;
  const saw = lastFailure === undefined ? lastLook : paint.yellow(lastFailure.message);
  const count = looks === 1 ? '1 look' : `${looks} looks`;
  const next = nextLookAt === undefined ? 'looking' : `the next in ${timeText(Math.max(0, nextLookAt - now))}`;
  return `${marks.waiting} ${step.id} ${paint.dim(`waiting until ${step.waitsUntil}`)}${saw === undefined ? '' : `: ${saw}`} ${paint.dim(`(${count}, ${next})`)}`;
}

/** Where an output came from that no attempt of this run made, and why a call was made again that need not have been. */
function sourceText(step: StepView): string {
  if (step.status === 'cached') return ` from ${step.cacheSource.workflowId}`;
  if (step.status === 'reused') return step.reusedFrom === undefined ? '' : ` from ${step.reusedFrom.workflowId}`;
  if (step.status === 'queued' && step.waitsForPool !== undefined) {
    const { place } = step;
    const which = place === undefined ? '' : `: ${thousands(place.number)} of ${thousands(place.of)}`;
    return ` for a place in pool ${step.waitsForPool}${which}`;
  }
  if (step.status === 'queued' && step.waitsFor !== undefined) {
    return `: ${step.waitsFor.stepId} of ${step.waitsFor.workflowId} makes the same`;
  }
  if (step.status === 'completed' && step.waitsUntil !== undefined && !(step.output as SensorAnswer).met) {
    return ', its time over,';
  }
  return step.inputDiffers === true ? ', as its input is another now,' : '';
}

/** Names and values; counts as they are, measures to four digits. */
export function metricsText(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${numberText(value)}`)
    .join(', ');
}

function durationText(step: StepView, now: number): string {
  const from = 'startedAt' in step && step.startedAt !== undefined ? step.startedAt : step.scheduledAt;
  if (step.status === 'queued' || step.status === 'unknown') return '';
  const ms = ('endedAt' in step ? step.endedAt : now) - from;
  return ` ${timeText(ms)}`;
}

export function gateLine(gate: GateView, paint: Paint): string {
  const facts = gate.facts === undefined ? '' : paint.dim(` ${JSON.stringify(gate.facts)}`);
  return `${gate.passed ? paint.green('✔') : paint.red('✖')} gate: ${gate.name}${facts}`;
}

export function approvalLine(approval: ApprovalView, paint: Paint, closed = false): string {
  if (closed && approval.state === 'waiting') return `∅ approval: ${approval.id} not answered`;
  const answer = approval.answer === undefined ? '' : ` ${JSON.stringify(approval.answer)}`;
  return `${approval.state === 'waiting' ? paint.yellow('✋') : '✔'} approval: ${approval.id} ${approval.state}${answer}`;
}

/** What a run is given and says must not move a terminal's cursor; only our colours stay. */
function withoutControls(line: string): string {
  // biome-ignore lint: control characters are what is looked for
  return line
    .replace(/\s*[\n\t\r]+\s*/g, ' ')
    .replace(/\u001b(?!\[\d{1,2}m)|[\u0000-\u001a\u001c-\u001f\u007f-\u009f]/g, '·');
}

/** Cuts by visible characters; colour codes count nothing. */
function cut(line: string, width: number): string {
  let seen = 0;
  // biome-ignore lint: the escape character is what colour codes start with
  const parts = line.split(/(\u001b\[[0-9;]*m)/);
  return parts
    .map((part) => {
      if (part.startsWith('\u001b')) return part;
      const room = Math.max(0, width - seen);
      seen += part.length;
      return part.length > room ? part.slice(0, room) : part;
    })
    .join('');
}
