import { signOf } from '../history/pareto-front.js';
import type { StudyView, TrialView } from '../history/run-view.js';
import type { Paint } from './paint.js';
import { valueText } from './value-text.js';

const mostRows = 5;

interface Column {
  readonly head: string;
  readonly cells: readonly string[];
  readonly isText: boolean;
}

/** The best trials, or those on the Pareto front, and as many of their parameters as there is room for. */
export function trialTable(study: StudyView, { paint, width }: { paint: Paint; width: number }): string[] {
  const rows = rowsOf(study);
  if (rows.length === 0) return [];
  const columns = [...fixedColumns(study, rows), ...paramColumns(study, rows)];
  const fixed = columns.length - paramNames(study).length;
  let room = width;
  const shown = columns.filter((column, n) => {
    room -= widthOf(column) + 2;
    // A cut number would be another number: the column goes as a whole. The last of all has no mark after it.
    return n < fixed || room >= (n === columns.length - 1 ? -2 : 0);
  });
  const line = (cell: (column: Column) => string) =>
    shown.map((column) =>
      column.isText ? cell(column).padEnd(widthOf(column)) : cell(column).padStart(widthOf(column)),
    );
  const head = [...line(({ head: name }) => name), ...(shown.length < columns.length ? ['…'] : [])];
  const body = rows.map(({ number }, n) => {
    const text = line(({ cells }) => cells[n] ?? '')
      .join('  ')
      .trimEnd();
    return number === study.best ? paint.bold(text) : text;
  });
  return [paint.dim(head.join('  ').trimEnd()), ...body];
}

/** The best one first, then the others by the first objective. */
function rowsOf({ trials, best, front, objectives }: StudyView): TrialView[] {
  const sign = signOf(objectives[0]);
  const score = (trial: TrialView) => {
    if (trial.number === best) return Number.POSITIVE_INFINITY;
    return ('values' in trial ? (trial.values?.[0] ?? Number.NaN) : Number.NaN) * sign;
  };
  const members = front === undefined ? undefined : new Set(front);
  return trials
    .filter((trial) => !Number.isNaN(score(trial)) && (members?.has(trial.number) ?? true))
    .sort((a, b) => score(b) - score(a))
    .slice(0, mostRows);
}

function fixedColumns({ objectives }: StudyView, rows: readonly TrialView[]): Column[] {
  const isBudgeted = rows.some(({ budget }) => budget !== undefined);
  return [
    { head: 'trial', cells: rows.map(({ number }) => String(number)), isText: false },
    { head: 'state', cells: rows.map(({ state }) => state), isText: true },
    ...(isBudgeted ? [{ head: 'budget', cells: rows.map(({ budget }) => valueText(budget)), isText: false }] : []),
    ...objectives.map(({ metric }, n) => ({
      head: metric,
      cells: rows.map((trial) => valueText('values' in trial ? trial.values?.[n] : undefined)),
      isText: false,
    })),
  ];
}

function paramColumns(study: StudyView, rows: readonly TrialView[]): Column[] {
  return paramNames(study).map((name) => ({
    head: name,
    cells: rows.map(({ params }) => valueText(params?.[name])),
    isText: rows.every(({ params }) => typeof params?.[name] !== 'number'),
  }));
}

/** Without constants; where it is known, the one that matters most first. */
function paramNames({ space, importance = {} }: StudyView): string[] {
  const names = Object.keys(space).filter((name) => typeof space[name] === 'object');
  return names.sort((a, b) => (importance[b] ?? 0) - (importance[a] ?? 0));
}

function widthOf({ head, cells }: Column): number {
  return Math.max(head.length, ...cells.map((cell) => cell.length));
}
