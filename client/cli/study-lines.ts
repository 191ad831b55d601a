import type { BestPoint, StudyView, TrialView } from '../history/run-view.js';
import { bar, sparkline } from './bars.js';
import type { Paint } from './paint.js';
import { trialTable } from './trial-table.js';
import { numberText, shortText, timeText, valueText } from './value-text.js';

export interface StudyLinesOptions {
  readonly paint: Paint;
  /** Columns that a line may have. */
  readonly width: number;
}

const curveColumns = 32;
const barColumns = 20;
const mostBars = 8;

/** A study as a person looks at it: how it stands, how it came to its best, the best trials, what failed. */
export function studyLines(study: StudyView, { paint, width }: StudyLinesOptions): string[] {
  const inner = [
    paint.dim(settingText(study)),
    ...curveLine(study),
    ...trialTable(study, { paint, width: width - 2 }),
    ...failureLine(study, paint),
    ...importanceLines(study),
  ];
  if (study.earlierTrials > 0) inner.push(paint.dim(`${study.earlierTrials} earlier trials are not shown`));
  return [stateLine(study, paint), ...inner.map((line) => `  ${line}`)];
}

/** `study search: 37 of 60 trials, 4 running, best accuracy 0.974 (trial 12)`, with its mark. */
export function stateLine(study: StudyView, paint: Paint): string {
  const { status, planned, startedAt } = study;
  const ended = `${endedCount(study)} of ${planned} trials${endText(status, startedAt)}`;
  // What people look for comes first: a line ends with the terminal.
  const rest = status.kind === 'running' ? (['paused'] as const) : (['unfinished'] as const);
  const texts = [ended, ...stateTexts(study, ['running', 'queued']), ...bestTexts(study), ...stateTexts(study, rest)];
  return `${markOf(study, paint)} study ${study.id}: ${texts.join(', ')}`;
}

export function settingText({ sampler, scheduler, atMost, seed }: StudyView): string {
  return [sampler, ...(scheduler === undefined ? [] : [scheduler]), `${atMost} at once`, `seed ${seed}`].join(', ');
}

/** A trial's end that was better than all before, for those who follow a run. */
export function improvementLine(study: StudyView, { trial: number, value, budget }: BestPoint, paint: Paint): string {
  const trial = study.trials.find((one) => one.number === number);
  const params = Object.entries(trial?.params ?? {}).filter(([name]) => typeof study.space[name] === 'object');
  const said = params.map(([name, param]) => `${name} ${valueText(param)}`).join(', ');
  const at = budget === undefined ? '' : `, budget ${budget}`;
  const best = `best ${study.objectives[0]?.metric} ${numberText(value)} (trial ${number}${at})`;
  return `${paint.green('★')} study ${study.id}: ${best} ${paint.dim(said)}`.trimEnd();
}

/** How many failed, and the commonest reason. */
export function failureLine({ trials }: Pick<StudyView, 'trials'>, paint: Paint): string[] {
  const failures = trials.flatMap((trial) => (trial.state === 'failed' ? [trial.failure] : []));
  const counts = new Map<string, number>();
  for (const { code } of failures) counts.set(code, (counts.get(code) ?? 0) + 1);
  const [code, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
  if (code === undefined) return [];
  const message = failures.find((failure) => failure.code === code)?.message ?? '';
  const which = count === failures.length ? `with ${code}` : `${count} of them with ${code}`;
  return [`${paint.red('✖')} ${failures.length} failed, ${which}: ${shortText(message, 120)}`];
}

function markOf({ status }: StudyView, paint: Paint): string {
  switch (status.kind) {
    case 'running':
      return paint.green('▸');
    case 'completed':
      return paint.green('✔');
    case 'stopped':
      return paint.yellow('■');
    case 'failed':
      return paint.red('✖');
    case 'unfinished':
      return '∅';
  }
}

function countOf({ trials }: StudyView, state: TrialView['state']): number {
  return trials.filter((trial) => trial.state === state).length;
}

function endedCount(study: StudyView): number {
  const open = countOf(study, 'running') + countOf(study, 'queued') + countOf(study, 'unfinished');
  return study.earlierTrials + study.trials.length - open;
}

function stateTexts(study: StudyView, states: readonly TrialView['state'][]): string[] {
  return states.flatMap((state) => (countOf(study, state) === 0 ? [] : [`${countOf(study, state)} ${state}`]));
}

function endText(status: StudyView['status'], startedAt: number): string {
  if (status.kind === 'running') return '';
  if (status.kind === 'unfinished') return ', not finished';
  const took = ` in ${timeText(status.endedAt - startedAt)}`;
  if (status.kind === 'completed') return took;
  return `${took}, ${status.kind}${status.reason === undefined ? '' : `: ${status.reason}`}`;
}

function bestTexts({ objectives, best, trials, bestSoFar, front }: StudyView): string[] {
  if (front !== undefined) {
    const aims = objectives.map(({ metric, direction }) => `${metric} ${direction === 'maximize' ? '↑' : '↓'}`);
    return [`${front.length} on the Pareto front (${aims.join(', ')})`];
  }
  const trial = trials.find(({ number }) => number === best);
  const value = trial !== undefined && 'values' in trial ? trial.values?.[0] : bestSoFar.at(-1)?.value;
  if (best === undefined || value === undefined) return [];
  return [`best ${objectives[0]?.metric} ${numberText(value)} (trial ${best})`];
}

function curveLine({ bestSoFar, endedCalls }: StudyView): string[] {
  const [first, last] = [bestSoFar[0], bestSoFar.at(-1)];
  if (first === undefined || last === undefined || bestSoFar.length < 2) return [];
  const columns = Math.min(endedCalls, curveColumns);
  const values = Array.from({ length: columns }, (_, column) => {
    const until = Math.ceil(((column + 1) / columns) * endedCalls);
    return bestSoFar.findLast((point) => point.endedCalls <= until)?.value;
  });
  return [`best so far ${sparkline(values)} ${numberText(first.value)} → ${numberText(last.value)}`];
}

function importanceLines({ importance = {} }: StudyView): string[] {
  const parts = Object.entries(importance).sort(([, a], [, b]) => b - a);
  const shown = parts.slice(0, mostBars);
  const [most, widest] = [shown[0]?.[1] ?? 0, Math.max(...shown.map(([name]) => name.length))];
  return shown.map(([name, share], n) => {
    const head = n === 0 ? 'importance' : '';
    return `${head.padEnd(12)}${name.padEnd(widest)} ${bar(share / most, barColumns)} ${share.toFixed(2)}`;
  });
}
