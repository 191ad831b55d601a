import { useEffect, useState } from 'preact/hooks';
import { Link, useSearch } from 'wouter-preact';
import type { ModelVersion } from '../../../../workflows/sdk/model/model-state.js';
import type { RunView } from '../../../history/run-view.js';
import { ask, urlOf } from '../api.js';
import { duration, number } from '../format.js';
import { ErrorText } from '../parts/error-text.js';
import { runLink } from '../parts/links.js';
import { comparedRuns, comparedVersions, type MadeVersion, type Row } from '../run-comparison.js';

/** What is different between two runs, or two versions of a model: their input, code, data, metrics and times. */
export function ComparePage() {
  const search = new URLSearchParams(useSearch());
  const [a, b] = [search.get('a') ?? '', search.get('b') ?? ''];
  const model = search.get('model') ?? undefined;
  const [compared, setCompared] = useState<Compared>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    (model === undefined ? runsCompared(a, b) : versionsCompared(model, a, b)).then(setCompared, setProblem);
  }, [a, b, model]);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (compared === undefined) return <p aria-busy="true" class="waiting" />;
  return <Differences compared={compared} model={model} />;
}

interface Compared {
  readonly rows: readonly Row[];
  readonly sides: readonly [Side, Side];
}

interface Side {
  readonly name: string;
  readonly link: string;
}

async function runsCompared(...keys: readonly [string, string]): Promise<Compared> {
  const read = (key: string) => {
    const [id, run] = key.split('\n');
    return ask<RunView>('/api/run', { id, run });
  };
  const [a, b] = await Promise.all([read(keys[0]), read(keys[1])]);
  const sideOf = (run: RunView) => ({ name: run.workflowId, link: runLink(run) });
  return { rows: comparedRuns(a, b), sides: [sideOf(a), sideOf(b)] };
}

async function versionsCompared(name: string, ...numbers: readonly [string, string]): Promise<Compared> {
  const versions = await ask<readonly ModelVersion[]>('/api/model/versions', { name });
  const read = async (number: string) => {
    const version = versions.find((one) => one.version === number);
    if (version === undefined) throw new Error(`Model “${name}” has no version “${number}” at hand.`);
    const { workflowId: id, runId: run } = version.run;
    // What made an old version may be forgotten.
    return { version, run: await ask<RunView>('/api/run', { id, run }).catch(() => undefined) };
  };
  const [a, b] = await Promise.all([read(numbers[0]), read(numbers[1])]);
  const sideOf = ({ version }: MadeVersion) => ({ name: `version ${version.version}`, link: runLink(version.run) });
  return { rows: comparedVersions(a, b), sides: [sideOf(a), sideOf(b)] };
}

function Differences({ compared, model }: { compared: Compared; model: string | undefined }) {
  const [isAll, setAll] = useState(false);
  const rows = compared.rows.filter(({ isSame }) => isAll || !isSame);
  const parts = [...new Set(rows.map(({ part }) => part))];
  return (
    <>
      <div class="title">
        <h1>What is different</h1>
        {model !== undefined && <Link href={urlOf('/model', { name: model })}>{model}</Link>}
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
              {compared.sides.map(({ name, link }) => (
                <th key={link} class="id">
                  <Link href={link}>{name}</Link>
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
      ? ` (${b > a ? '+' : ''}${number(Math.round((1_000 * (b - a)) / Math.abs(a)) / 10)} %)`
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
