import { memo } from 'preact/compat';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Link, useLocation, useSearch } from 'wouter-preact';
import type { RunSummary } from '../../../list-runs.js';
import type { RunsAnswer } from '../../shapes.js';
import { ask, urlOf, useLiveState } from '../api.js';
import { duration, plural, serverNow, time } from '../format.js';
import { CompareCell, CompareHead } from '../parts/compare-cells.js';
import { ErrorText } from '../parts/error-text.js';
import { runLink } from '../parts/links.js';
import { LinkSign } from '../parts/live-page.js';
import { useSession } from '../parts/session.js';
import { Status, statusOf } from '../parts/status.js';
import { Took, useTick, When } from '../parts/when.js';

const statuses = ['running', 'completed', 'failed', 'cancelled', 'terminated', 'timed-out'];

/** What the address of the page says; the list, and a link to it, show the same. */
function useFilter() {
  const search = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const filter = Object.fromEntries(
    ['pipeline', 'model', 'status', 'outcome', 'id', 'waiting', 'after', 'before'].map((name) => [
      name,
      search.get(name) ?? '',
    ]),
  ) as Record<'pipeline' | 'model' | 'status' | 'outcome' | 'id' | 'waiting' | 'after' | 'before', string>;
  const set = (name: keyof typeof filter, value: string) =>
    go(urlOf('/runs', { ...filter, [name]: value }), { replace: true });
  return { filter, set };
}

export function RunsPage() {
  const { filter, set } = useFilter();
  const url = urlOf('/api/runs/live', filter);
  const { value, problem, link } = useLiveState<RunsAnswer>(url);
  const { older, more, isLoading, failure } = useOlder(filter, url, value?.next);
  const { isReadOnly, pipelines } = useSession();
  const [chosen, choose] = useState<readonly string[]>([]);
  const toggle = useCallback((id: string) => {
    choose((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before, id].slice(-2)));
  }, []);
  const runs = useMemo(() => withoutTwins([...(value?.runs ?? []), ...older]), [value, older]);
  const names = [...new Set([...pipelines.map(({ name }) => name), ...runs.map(({ pipeline }) => pipeline)])].sort();
  return (
    <>
      <div class="title">
        <h1>Runs</h1>
        <LinkSign link={link} />
        <span class="spacer" />
        {chosen.length === 2 && (
          <Link href={urlOf('/compare', { a: chosen[0], b: chosen[1] })} class="button secondary">
            Compare the two
          </Link>
        )}
        {!isReadOnly && pipelines.length > 0 && (
          <Link href={urlOf('/start', { pipeline: filter.pipeline })} class="button">
            Start a run
          </Link>
        )}
      </div>
      <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filter">
        <Choice label="Pipeline" value={filter.pipeline} of={names} onChange={(v) => set('pipeline', v)} />
        <Choice label="Status" value={filter.status} of={statuses} onChange={(v) => set('status', v)} />
        <Choice
          label="Outcome"
          value={filter.outcome}
          of={['completed', 'rejected', 'failed', 'cancelled']}
          onChange={(v) => set('outcome', v)}
        />
        <label>
          Id begins with
          <input type="search" value={filter.id} onChange={(event) => set('id', event.currentTarget.value)} />
        </label>
        <label>
          Started after
          <input
            type="datetime-local"
            value={filter.after}
            onChange={(event) => set('after', event.currentTarget.value)}
          />
        </label>
        <label class="tick">
          <input
            type="checkbox"
            checked={filter.waiting === 'true'}
            onChange={(event) => set('waiting', event.currentTarget.checked ? 'true' : '')}
          />
          waits for a person
        </label>
        {filter.model !== '' && (
          <button type="button" class="chip" onClick={() => set('model', '')}>
            model {filter.model} ✕
          </button>
        )}
      </form>
      {problem !== undefined && <ErrorText error={problem} />}
      {value === undefined && problem === undefined && <p aria-busy="true" class="waiting" />}
      {value !== undefined && runs.length === 0 && <Nothing isFiltered={Object.values(filter).some((v) => v !== '')} />}
      {runs.length > 0 && <Grid runs={runs} />}
      {runs.length > 0 && <Table runs={runs} chosen={chosen} toggle={toggle} />}
      {failure !== undefined && <ErrorText error={failure} />}
      {more !== undefined && (
        <p class="more">
          <button type="button" class="secondary outline" onClick={more} aria-busy={isLoading}>
            Older runs
          </button>
          <span class="muted">{plural(runs.length, 'run')} shown</span>
        </p>
      )}
    </>
  );
}

/** The first part of the list is live; those after it are read when somebody asks. */
function useOlder(filter: Record<string, string>, key: string, first: string | undefined) {
  const [state, setState] = useState<{ older: readonly RunSummary[]; next?: string; isBegun: boolean }>({
    older: [],
    isBegun: false,
  });
  const [isLoading, setLoading] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  useEffect(() => setState({ older: [], isBegun: false }), [key]);
  const from = state.isBegun ? state.next : first;
  const more = () => {
    setLoading(true);
    ask<RunsAnswer>('/api/runs', { ...filter, from, limit: 200 })
      .then(({ runs, next }) => {
        setState({ older: [...state.older, ...runs], isBegun: true, ...(next === undefined ? {} : { next }) });
      }, setFailure)
      .finally(() => setLoading(false));
  };
  return { older: state.older, more: from === undefined ? undefined : more, isLoading, failure };
}

function withoutTwins(runs: readonly RunSummary[]): RunSummary[] {
  const seen = new Map<string, RunSummary>();
  for (const run of runs) if (!seen.has(run.runId)) seen.set(run.runId, run);
  return [...seen.values()];
}

function Choice({
  label,
  value,
  of,
  onChange,
}: {
  label: string;
  value: string;
  of: readonly string[];
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">any</option>
        {of.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <p class="empty">No run is like that.</p>;
  return (
    <p class="empty">
      There are no runs yet. Start one here, by <code>evertrain run</code>, or from your application.
    </p>
  );
}

const perPipeline = 40;

/** Pipeline × time: each run a bar as high as it took, the newest at the right. */
function Grid({ runs }: { runs: readonly RunSummary[] }) {
  useTick(runs.some(({ closedAt }) => closedAt === undefined));
  const rows = useMemo(() => {
    const found = new Map<string, RunSummary[]>();
    for (const run of runs) found.set(run.pipeline, [...(found.get(run.pipeline) ?? []), run]);
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  }, [runs]);
  return (
    <section class="grid-view" aria-label="Runs by pipeline and time">
      {rows.map(([pipeline, of]) => {
        const shown = [...of].sort((a, b) => a.startedAt - b.startedAt).slice(-perPipeline);
        const took = (run: RunSummary) => (run.closedAt ?? serverNow()) - run.startedAt;
        const longest = Math.max(1, ...shown.map(took));
        return (
          <div class="grid-row" key={pipeline}>
            <Link href={urlOf('/runs', { pipeline })} class="grid-name">
              {pipeline}
            </Link>
            <span class="grid-bars">
              {shown.map((run) => (
                <Link
                  key={run.runId}
                  href={runLink(run)}
                  class={`bar s-${statusOf(run)}`}
                  style={{ height: `${Math.max(15, (100 * took(run)) / longest)}%` }}
                  title={`${run.workflowId}\n${statusOf(run)}, ${duration(took(run))}\n${time(run.startedAt)}`}
                  aria-label={`${run.workflowId} ${statusOf(run)}`}
                />
              ))}
            </span>
          </div>
        );
      })}
    </section>
  );
}

type Toggle = (id: string) => void;

function Table({ runs, chosen, toggle }: { runs: readonly RunSummary[]; chosen: readonly string[]; toggle: Toggle }) {
  return (
    <div class="scroll">
      <table class="runs">
        <thead>
          <tr>
            <CompareHead />
            <th>Status</th>
            <th>Run</th>
            <th>Pipeline</th>
            <th>Model</th>
            <th>Started</th>
            <th class="right">Took</th>
          </tr>
        </thead>
        {partsOf(runs).map((part, n) => (
          <Part key={n} runs={part} chosen={chosen} toggle={toggle} />
        ))}
      </table>
    </div>
  );
}

const rowsInPart = 100;

function partsOf(runs: readonly RunSummary[]): (readonly RunSummary[])[] {
  const count = Math.ceil(runs.length / rowsInPart);
  return Array.from({ length: count }, (_, n) => runs.slice(n * rowsInPart, (n + 1) * rowsInPart));
}

/** Of a long table only what is near to be seen has rows; the rest keeps its height. */
function Part({ runs, chosen, toggle }: { runs: readonly RunSummary[]; chosen: readonly string[]; toggle: Toggle }) {
  const body = useRef<HTMLTableSectionElement>(null);
  const height = useRef(0);
  const [isNear, setNear] = useState(true);
  useEffect(() => {
    const { current } = body;
    if (current === null) return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry === undefined) return;
        if (!entry.isIntersecting) height.current = entry.boundingClientRect.height;
        setNear(entry.isIntersecting);
      },
      { rootMargin: '1500px' },
    );
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return (
    <tbody ref={body}>
      {isNear ? (
        runs.map((run) => <Row key={run.runId} run={run} isChosen={chosen.includes(keyOf(run))} toggle={toggle} />)
      ) : (
        <tr style={{ height: `${height.current}px` }}>
          <td colSpan={7} />
        </tr>
      )}
    </tbody>
  );
}

function keyOf({ workflowId, runId }: RunSummary): string {
  return `${workflowId}\n${runId}`;
}

/** Of thousands on a page only those that changed are drawn again. */
const Row = memo(({ run, isChosen, toggle }: { run: RunSummary; isChosen: boolean; toggle: Toggle }) => (
  <tr>
    <CompareCell name={run.workflowId} isChosen={isChosen} toggle={() => toggle(keyOf(run))} />
    <td>
      <Status of={statusOf(run)} />
      {run.waitingFor.map((what) => (
        <span key={what} class="tag wait">
          waits for {what.replace(/^approval:/, '')}
        </span>
      ))}
    </td>
    <td class="id">
      <Link href={runLink(run)}>{run.workflowId}</Link>
    </td>
    <td>{run.pipeline}</td>
    <td>{run.model !== undefined && <Link href={urlOf('/model', { name: run.model })}>{run.model}</Link>}</td>
    <td>
      <When at={run.startedAt} />
    </td>
    <td class="right">
      <Took from={run.startedAt} to={run.closedAt} />
    </td>
  </tr>
));
