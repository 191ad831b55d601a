import colors from 'picocolors';
import type { RunSummary } from '../list-runs.js';
import type { ModelSummary } from '../model-summaries.js';
import type { QueueBacklog } from '../queue-backlogs.js';
import type { Paint } from './paint.js';
import { metricsText } from './tree.js';
import { isoText, shortText } from './value-text.js';

/** What `evertrain top` shows. */
export interface Overview {
  readonly at: number;
  readonly runs: readonly RunSummary[];
  readonly models: readonly ModelSummary[];
  readonly queues: readonly QueueBacklog[];
}

export interface TopOptions {
  readonly color: boolean;
  /** Columns and lines; runs that have no room are left out. */
  readonly width: number;
  readonly height: number;
}

const signs: Readonly<Record<string, string>> = { completed: '✔', rejected: '⊘', failed: '✖', running: '●' };

/** Lines of a screen: queues and models first, then as many runs as there is room for, the open ones before the others. */
export function topLines({ at, runs, models, queues }: Overview, { color, width, height }: TopOptions): string[] {
  const paint = colors.createColors(color);
  const open = runs.filter(({ status }) => status === 'running').length;
  const head = [
    `evertrain top  ${isoText(at)}  ${open} of the newest ${runs.length} runs open`,
    '',
    ...section('QUEUE', queues.map(queueLine)),
    ...section('MODEL', models.map(modelLine)),
  ];
  const order = [...runs].sort((a, b) => Number(a.status !== 'running') - Number(b.status !== 'running'));
  const room = Math.max(0, height - head.length - 2);
  const body = order.slice(0, room).map((run) => runLine(run, at));
  const lines = [...head, 'RUN', ...body];
  return lines.slice(0, height).map((line) => painted(shortText(line, width), paint));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines, ''];
}

function queueLine({ queue, kind, waiting, oldestSeconds, workers }: QueueBacklog): string {
  const since = waiting === 0 ? '' : ` for ${oldestSeconds} s`;
  const sign = waiting > 0 && workers === 0 ? '✖' : ' ';
  return `${sign} ${queue}  ${kind}  ${waiting} waiting${since}  ${workers} workers`;
}

function modelLine({ name, state }: ModelSummary): string {
  if (state === undefined) return `✖ ${name}  no worker answers`;
  const champion = state.versions.find(({ version }) => version === state.champion);
  const doing = [
    state.paused && 'paused',
    state.training && 'trains',
    state.comparison && `compares ${state.comparison.version}`,
    state.rollout && `rolls out ${state.rollout.version}`,
  ].filter((word) => word !== undefined);
  const serves =
    champion === undefined ? 'no champion' : `version ${champion.version}  ${metricsText(champion.metrics)}`;
  return `${doing.length > 0 ? '●' : ' '} ${name}  ${serves}  ${doing.join(', ')}`.trimEnd();
}

function runLine({ workflowId, pipeline, status, outcome, startedAt, closedAt, waitingFor }: RunSummary, now: number) {
  const how = outcome === 'rejected' ? outcome : status;
  const seconds = Math.max(0, Math.round(((closedAt ?? now) - startedAt) / 1_000));
  const waits = waitingFor.length === 0 ? '' : `  waits for ${waitingFor.join(', ')}`;
  return `${signs[how] ?? '–'} ${workflowId}  ${pipeline}  ${how}  ${seconds} s${waits}`;
}

/** A whole line by its sign, so that colour never breaks a line that was cut. */
function painted(line: string, paint: Paint): string {
  if (/^[A-Z]+$/.test(line)) return paint.bold(line);
  if (line.startsWith('✖')) return paint.red(line);
  if (line.startsWith('⊘')) return paint.yellow(line);
  if (line.startsWith('●')) return paint.cyan(line);
  return line;
}
