import { useEffect, useState } from 'preact/hooks';
import { Link, useSearch } from 'wouter-preact';
import type { RunView } from '../../../history/run-view.js';
import { ask } from '../api.js';
import { duration, number } from '../format.js';
import { ErrorText } from '../parts/error-text.js';
import { runLink } from '../parts/links.js';
import { comparedRuns, type Row } from '../run-comparison.js';

/** What is different between two runs: their input, code, data, metrics and times. */
export function ComparePage() {
  const search = new URLSearchParams(useSearch());
  const sides = [search.get('a') ?? '', search.get('b') ?? ''] as const;
  const [runs, setRuns] = useState<readonly [RunView, RunView]>();
  const [problem, setProblem] = useState<unknown>();
  const [isAll, setAll] = useState(false);
  useEffect(() => {
    const read = (key: string) => {
      const [id, run] = key.split('\n');
      return ask<RunView>('/api/run', { id, run });
    };
    Promise.all([read(sides[0]), read(sides[1])]).then(setRuns, setProblem);
  }, [sides.join()]);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (runs === undefined) return <p aria-busy="true" class="waiting" />;
  const [a, b] = runs;
  const rows = comparedRuns(a, b).filter(({ isSame }) => isAll || !isSame);
  const parts = [...new Set(rows.map(({ part }) => part))];
  return (
    <>
      <div class="title">
        <h1>What is different</h1>
        <span class="spacer" />
        <label class="tick">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} /> also what
          is the same
        </label>
      </div>
      <div class="scroll">
        <table class="compare">
          <thead>
            <tr>
              <th />
              {[a, b].map((run) => (
                <th key={run.runId} class="id">
                  <Link href={runLink(run)}>{run.workflowId}</Link>
                </th>
              ))}
            </tr>
          </thead>
          {parts.map((part) => (
            <tbody key={part}>
              <tr>
                <th colSpan={3} scope="rowgroup">
                  {part}
                </th>
              </tr>
              {rows
                .filter((row) => row.part === part)
                .map((row) => (
                  <Line key={row.name} row={row} />
                ))}
            </tbody>
          ))}
        </table>
      </div>
      {rows.length === 0 && <p class="empty">Nothing that is recorded differs.</p>}
    </>
  );
}

function Line({ row: { part, name, a, b, isSame } }: { row: Row }) {
  const shown = (value: string | number | undefined) => {
    if (value === undefined) return <span class="muted">none</span>;
    if (typeof value === 'string') return value;
    return part === 'durations' ? duration(value) : number(value);
  };
  const change =
    typeof a === 'number' && typeof b === 'number' && a !== 0 && !isSame
      ? ` (${b > a ? '+' : ''}${number((100 * (b - a)) / Math.abs(a))} %)`
      : '';
  return (
    <tr>
      <td>{name}</td>
      <td class="text num">{shown(a)}</td>
      <td class="text num">
        {shown(b)}
        <span class="muted">{change}</span>
      </td>
    </tr>
  );
}
