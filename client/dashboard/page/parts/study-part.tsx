import { useMemo, useState } from 'preact/hooks';
import type { StudyView, TrialView } from '../../../history/run-view.js';
import { duration, number, plain } from '../format.js';
import { Curves } from './curves.js';
import { ParallelCoordinates } from './parallel-coordinates.js';
import { Status } from './status.js';

/** A study: how its best went, its trials, and what the parameters have to do with it. */
export function StudyPart({ study }: { study: StudyView }) {
  const { id, sampler, scheduler, planned, atMost, objectives, trials, best, importance, status } = study;
  const [first] = objectives;
  const bestCurve = useMemo(
    () =>
      study.bestSoFar.map(({ endedCalls, value }) => {
        return {
          kind: 'metric' as const,
          stepId: 'best so far',
          attempt: 1,
          t: 0,
          name: first?.metric ?? 'value',
          step: endedCalls,
          value,
        };
      }),
    [study.bestSoFar],
  );
  const rungs = useMemo(
    () =>
      trials.flatMap(({ number: n, curve }) =>
        curve.map(({ budget, value }) => {
          return {
            kind: 'metric' as const,
            stepId: `trial ${n}`,
            attempt: 1,
            t: 0,
            name: `${first?.metric ?? 'value'} by budget`,
            step: budget,
            value,
          };
        }),
      ),
    [trials],
  );
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
      <Curves metrics={[...bestCurve, ...rungs]} />
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
      <Trials study={study} />
    </section>
  );
}

function Trials({ study: { trials, objectives, best } }: { study: StudyView }) {
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
          {sorted.map((trial) => (
            <tr key={trial.number} class={trial.number === best ? 'best' : undefined}>
              {columns.map((name) => (
                <td key={name} class="num">
                  {name === 'took' ? duration(trial.seconds * 1_000) : shown(valueOf(trial, name))}
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
    </div>
  );
}

function compared(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return plain(a) < plain(b) ? -1 : 1;
}

function shown(value: unknown): string {
  return typeof value === 'number' ? number(value) : value === undefined ? '' : plain(value);
}
