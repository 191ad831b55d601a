import { type BenchReport, type BenchRow, round } from '../support/report.js';

/** A Markdown table of all rows, with the machine and the days on which they were measured. */
export function table(reports: readonly BenchReport[]): string {
  const unique = (values: readonly string[]) => [...new Set(values)].filter((value) => value !== '').join('; ');
  const when = unique(reports.map(({ date }) => date));
  const where = unique(reports.map(({ machine }) => machine));
  const lines = reports.flatMap(({ bench, rows }) => rows.map((row) => line([bench, ...cells(row)])));
  const head = ['bench', 'row', 'median', 'spread', 'ratio', 'goal', '', 'note'];
  return [`${when}, ${where}`, '', line(head), line(head.map(() => '---')), ...lines].join('\n');
}

function cells(row: BenchRow): string[] {
  if ('failed' in row) return [row.name, 'failed', '', '', '', '', row.failed];
  const { name, value, unit, spread, ratio, goal, ok, note = '' } = row;
  const range = spread === undefined ? '' : `${figure(spread[0])}–${figure(spread[1])}`;
  const verdict = ok === undefined ? '' : ok ? 'reached' : 'missed';
  return [name, `${figure(value)} ${unit}`, range, ratio === undefined ? '' : figure(ratio), goal ?? '', verdict, note];
}

function line(columns: readonly string[]): string {
  return `| ${columns.map((column) => column.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

/** What is not a number has become null in JSON. */
function figure(value: number | null): string {
  return value === null ? '–' : round(value).toLocaleString('en', { maximumFractionDigits: 3 });
}
