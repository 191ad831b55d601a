import { useMemo, useState } from 'preact/hooks';
import type { StudyView, TrialView } from '../../../history/run-view.js';
import type { CurveLine, ShownStudy } from '../../shapes.js';
import { duration, number, plain } from '../format.js';
import { CompareCell, CompareHead } from './compare-cells.js';
import { Curves } from './curves.js';
import { ParallelCoordinates } from './parallel-coordinates.js';
import { RunCurves } from './run-curves.js';
import { Status } from './status.js';

const mostCompared = 8;
const mostRows = 500;

/** A study: how its best went, its rungs and trials, and what the parameters have to do with it. */
export function StudyPart({ shown }: { shown: ShownStudy }) {
  const { study } = shown;
  const { id, sampler, scheduler, planned, atMost, objectives, trials, best, importance, status } = study;
  const [first] = objectives;
  const [chosen, choose] = useState<ReadonlySet<number>>(new Set());
  const toggle = (number: number) =>
    choose(
      new Set(
        chosen.has(number) ? [...chosen].filter((one) => one !== number) : [...chosen, number].slice(-mostCompared),
      ),
    );
  const bestCurve = useMemo(() => {
    const points = study.bestSoFar.map(({ endedCalls, value }) => [endedCalls, value] as const);
    return { name: first?.metric ?? 'value', label: 'best so far', points };
  }, [study.bestSoFar]);
  const byBudget = useMemo(() => {
    const drawn = trials.filter(({ number, curve }) => curve.length > 0 && (chosen.size === 0 || chosen.has(number)));
    return drawn.map(({ number, curve }) => ({
      name: `${first?.metric ?? 'value'} by budget`,
      label: `trial ${number}`,
      points: curve.map(({ budget, value }) => [budget, value] as const),
    }));
  }, [trials, chosen]);
  return (
    <section class="study">
      <h2>{id}</h2>
      <p class="facts">
        <Status of={status.kind} />
        <span>
          {trials.length + study.earlierTrials} of {planned} trials
        </span>
        <span>{atMost} at once</span>
        <span>{sampler}</span>
        {scheduler !== undefined && <span>{scheduler}</span>}
        {objectives.map(({ metric, direction }) => (
          <span key={metric}>
            {direction} {metric}
          </span>
        ))}
      </p>
      <Curves curves={[bestCurve, ...byBudget]} />
      <Rungs study={study} />
      {importance !== undefined && (
        <dl class="bars">
          {Object.entries(importance)
            .sort(([, a], [, b]) => b - a)
            .map(([name, share]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <meter value={share} min={0} max={1} aria-label={`Importance of ${name}`} /> {Math.round(share * 100)}{' '}
                  %
                </dd>
              </div>
            ))}
        </dl>
      )}
      <ParallelCoordinates
        trials={trials}
        best={best}
        maximize={first?.direction === 'maximize'}
        metric={first?.metric ?? 'value'}
      />
      {chosen.size > 0 && <Compared key={[...chosen].join()} shown={shown} chosen={chosen} />}
      <Trials study={study} chosen={chosen} toggle={toggle} />
    </section>
  );
}

/** What the chosen trials reported while they trained, one beside the other. */
function Compared({ shown: { run, id }, chosen }: { shown: ShownStudy; chosen: ReadonlySet<number> }) {
  const labelOf = ({ stepId }: CurveLine) => `trial ${/^\d+/.exec(stepId.slice(id.length + 1))?.[0] ?? stepId}`;
  const steps = [...chosen].map((number) => `${id}[${number}]`);
  return <RunCurves id={run.workflowId} run={run.runId} steps={steps} labelOf={labelOf} />;
}

/** How many trials got how far, and how well. */
function Rungs({ study: { trials, scheduler, objectives } }: { study: StudyView }) {
  if (scheduler === undefined) return null;
  const [first] = objectives;
  const budgets = [...new Set(trials.flatMap(({ curve }) => curve.map(({ budget }) => budget)))].sort((a, b) => a - b);
  const rows = budgets.map((budget) => {
    const values = trials.flatMap(({ curve }) =>
      curve.filter((one) => one.budget === budget).map(({ value }) => value),
    );
    const sorted = values.sort((a, b) => (first?.direction === 'maximize' ? b - a : a - b));
    return { budget, count: sorted.length, best: sorted[0], median: sorted[Math.floor((sorted.length - 1) / 2)] };
  });
  if (rows.length < 2) return null;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Rungs">
      <table class="rungs">
        <thead>
          <tr>
            <th class="right">Rung</th>
            <th class="right">Budget</th>
            <th>Trials</th>
            <th class="right">Best {first?.metric}</th>
            <th class="right">Median</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ budget, count, best, median }, rung) => (
            <tr key={budget}>
              <td class="right num">{rung}</td>
              <td class="right num">{number(budget)}</td>
              <td>
                <meter min={0} max={rows[0]?.count ?? count} value={count} aria-label={`Trials at budget ${budget}`} />{' '}
                <span class="num">{count}</span>
              </td>
              <td class="right num">{plainNumber(best)}</td>
              <td class="right num">{plainNumber(median)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface TrialsProps {
  readonly study: StudyView;
  /** Those that are compared. */
  readonly chosen: ReadonlySet<number>;
  readonly toggle: (number: number) => void;
}

function Trials({ study: { trials, objectives, best }, chosen, toggle }: TrialsProps) {
  const [by, setBy] = useState<string>('trial');
  const names = [...new Set(trials.flatMap(({ params }) => Object.keys(params ?? {})))];
  const valueOf = (trial: TrialView, column: string): unknown => {
    if (column === 'trial') return trial.number;
    if (column === 'took') return trial.seconds;
    const at = objectives.findIndex(({ metric }) => metric === column);
    return at >= 0 ? ('values' in trial ? trial.values?.[at] : undefined) : trial.params?.[column];
  };
  const descending = objectives.some(({ metric, direction }) => metric === by && direction === 'maximize');
  const sorted = [...trials].sort((a, b) => compared(valueOf(a, by), valueOf(b, by)) * (descending ? -1 : 1));
  const columns = ['trial', ...objectives.map(({ metric }) => metric), ...names, 'took'];
  return (
    <div class="scroll">
      <table class="steps">
        <thead>
          <tr>
            <CompareHead />
            {columns.map((name) => (
              <th key={name} aria-sort={by === name ? (descending ? 'descending' : 'ascending') : 'none'}>
                <button type="button" class="plain" onClick={() => setBy(name)}>
                  {name}
                  {by === name ? (descending ? ' ↓' : ' ↑') : ''}
                </button>
              </th>
            ))}
            <th>rung</th>
            <th>state</th>
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, mostRows).map((trial) => (
            <tr key={trial.number} class={trial.number === best ? 'best' : undefined}>
              <CompareCell
                name={`trial ${trial.number}`}
                isChosen={chosen.has(trial.number)}
                toggle={() => toggle(trial.number)}
              />
              {columns.map((name) => (
                <td key={name} class="num">
                  {name === 'took' ? duration(trial.seconds * 1_000) : plainNumber(valueOf(trial, name))}
                  {name === 'trial' && trial.number === best && ' ★'}
                </td>
              ))}
              <td class="num">{trial.rung}</td>
              <td>
                <Status
                  of={trial.state === 'paused' ? 'waiting' : trial.state === 'stopped' ? 'cancelled' : trial.state}
                  short
                />{' '}
                {trial.state}
                {trial.state === 'failed' && <span class="muted"> {trial.failure.message}</span>}
                {trial.sameAs !== undefined && <span class="muted"> as trial {trial.sameAs}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > mostRows && (
        <p class="muted">
          The first {mostRows} of {sorted.length.toLocaleString()} by {by}; `evertrain study export` has all.
        </p>
      )}
    </div>
  );
}

function compared(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return plain(a) < plain(b) ? -1 : 1;
}

function plainNumber(value: unknown): string {
  return typeof value === 'number' ? number(value) : value === undefined ? '' : plain(value);
}
