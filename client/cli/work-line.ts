import { stripVTControlCharacters } from 'node:util';
import type { FanOutView, RunningStep, RunView } from '../history/run-view.js';
import type { AtWork } from './at-work.js';
import { bar, sparkline } from './bars.js';
import type { Paint } from './paint.js';
import type { StepReports } from './step-reports.js';
import { numberText, timeText } from './value-text.js';

export interface WorkLineOptions {
  readonly paint: Paint;
  /** Columns for the whole line. */
  readonly width: number;
  readonly now: number;
  readonly atWork: AtWork;
}

/** `▸ train ██████▏      52 % ~11 s left 12.3 s loss ▇▅▃▂ 0.123`; what has no room is left out, the last first. */
export function workLine(step: RunningStep, options: WorkLineOptions): string {
  const { paint, now, atWork } = options;
  const { attempt, startedAt } = step;
  const reports = atWork.reports.get(step.id);
  const tries = typeof attempt === 'number' ? attempt : 1;
  const fraction = reports?.fraction(tries);
  const tried = tries > 1 ? [paint.yellow(`attempt ${tries}`)] : [];
  return fitted(`${paint.cyan('▸')} ${step.id}`, options.width, [
    ...(fraction === undefined ? [] : [barText(fraction, options)]),
    leftText(reports?.leftMs(tries, startedAt, now) ?? usualLeft(step, options), paint),
    ...tried,
    paint.dim(timeText(now - startedAt)),
    ...curveText(reports, options.width < 100 ? 10 : 24),
    ...saidText(step, paint),
  ]);
}

/** `▸ scores ████▎     120 of 280 ~40 s left`, then the rest of what there is to say. */
export function fanOutBar(fanOut: FanOutView, rest: readonly string[], options: WorkLineOptions): string {
  const { id, items, ended, startedAt } = fanOut;
  const { now, paint } = options;
  const leftMs = ended === 0 ? undefined : ((items - ended) * (now - startedAt)) / ended;
  return fitted(`${paint.cyan('▸')} ${id}`, options.width, [
    barText(ended / items, options),
    ...rest,
    leftText(leftMs, paint),
  ]);
}

/** Behind the state of an open run: `3.2 s, ~12 s left`. */
export function runLeft({ startedAt }: RunView, { now, atWork, paint }: WorkLineOptions): string {
  const { run } = atWork.usual;
  const left = run === undefined ? '' : `, ${plainLeft(run - (now - startedAt))}`;
  return paint.dim(`${timeText(now - startedAt)}${left}`);
}

function usualLeft({ id, startedAt }: RunningStep, { atWork, now }: WorkLineOptions): number | undefined {
  const usual = atWork.usual.steps.get(id);
  return usual === undefined ? undefined : usual - (now - startedAt);
}

function leftText(ms: number | undefined, paint: Paint): string {
  return ms === undefined ? paint.dim('time left unknown') : plainLeft(ms);
}

/** A time that is over says that it takes longer than before. */
function plainLeft(ms: number): string {
  return ms < 0 ? `longer than usual by ${wholeTime(-ms)}` : `~${wholeTime(ms)} left`;
}

function wholeTime(ms: number): string {
  const s = Math.round(ms / 1_000);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
}

function barText(share: number, { width, paint }: WorkLineOptions): string {
  const columns = width < 60 ? 6 : width < 100 ? 12 : 20;
  const percent = `${Math.floor(100 * Math.min(1, Math.max(0, share)))} %`.padStart(6);
  return paint.green(bar(share, columns).padEnd(columns, '░')) + percent;
}

function curveText(reports: StepReports | undefined, mostColumns: number): string[] {
  const { metric, values = [] } = reports ?? {};
  const last = values.at(-1);
  if (metric === undefined || last === undefined) return [];
  const columns = Math.min(values.length, mostColumns);
  const shown = Array.from({ length: columns }, (_, n) => values[Math.ceil(((n + 1) / columns) * values.length) - 1]);
  return [`${metric} ${columns > 1 ? `${sparkline(shown)} ` : ''}${numberText(last)}`];
}

function saidText({ progress }: RunningStep, paint: Paint): string[] {
  const message = (progress as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? [paint.dim(message)] : [];
}

function fitted(head: string, width: number, parts: readonly string[]): string {
  let line = head;
  for (const part of parts) {
    const longer = `${line} ${part}`;
    if (stripVTControlCharacters(longer).length > width) break;
    line = longer;
  }
  return line;
}
