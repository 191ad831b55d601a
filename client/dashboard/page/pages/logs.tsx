import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation, useSearch } from 'wouter-preact';
import type { LogsMessage } from '../../shapes.js';
import { urlOf, useLive } from '../api.js';
import { plural } from '../format.js';
import { logLevels } from '../log-levels.js';
import { ErrorText } from '../parts/error-text.js';
import { runLink } from '../parts/links.js';
import { useSession } from '../parts/session.js';

type Hit = Extract<LogsMessage, { lines: unknown }>['lines'][number];

interface Found {
  readonly hits: readonly Hit[];
  readonly end?: Extract<LogsMessage, { isCut: boolean }>;
  readonly problem?: string;
}

const times = { '1 hour': '1h', '1 day': '1d', '7 days': '7d', '30 days': '30d' };

/** A search through the logs of many runs; the address of the page says which, so that it can be sent to others. */
export function LogsPage() {
  const search = useSearch();
  const asked = Object.fromEntries(new URLSearchParams(search));
  const isAsked = search !== '';
  const [, go] = useLocation();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.target as HTMLFormElement);
    const { text, isPattern, ...rest } = Object.fromEntries(data) as Record<string, string>;
    go(urlOf('/logs', { ...rest, [isPattern === undefined ? 'text' : 'pattern']: text }));
  };
  return (
    <>
      <h1>Logs</h1>
      <Form key={search} asked={asked} onSubmit={submit} />
      {isAsked && <Results key={search} url={urlOf('/api/logs', asked)} />}
    </>
  );
}

function Form({ asked, onSubmit }: { asked: Record<string, string>; onSubmit: (event: SubmitEvent) => void }) {
  const { pipelines } = useSession();
  const { text, pattern, level = 'debug', since = '1d', pipeline = '', model } = asked;
  const names = [...new Set([...pipelines.map(({ name }) => name), ...(pipeline === '' ? [] : [pipeline])])];
  return (
    <form class="filters" onSubmit={onSubmit} aria-label="Search">
      <label>
        Message holds
        <input type="search" name="text" defaultValue={text ?? pattern ?? ''} />
      </label>
      <label class="tick">
        <input type="checkbox" name="isPattern" defaultChecked={pattern !== undefined} /> a regular expression
      </label>
      <Choice label="Level" name="level" value={level} of={logLevels.map((one) => [one, one])} />
      <Choice
        label="Newer than"
        name="since"
        value={since}
        of={[['', 'any time'], ...Object.entries(times).map(([name, value]) => [value, name] as const)]}
      />
      <Choice
        label="Pipeline"
        name="pipeline"
        value={pipeline}
        of={[['', 'any'], ...names.map((one) => [one, one] as const)]}
      />
      <label>
        Model
        <input type="text" name="model" defaultValue={model ?? ''} />
      </label>
      <button type="submit">Search</button>
    </form>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly of: readonly (readonly [value: string, name: string])[];
}

function Choice({ label, name, value, of }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name} defaultValue={value}>
        {of.map(([one, words]) => (
          <option key={one} value={one} selected={one === value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

function Results({ url }: { url: string }) {
  const [{ hits, end, problem }, setFound] = useState<Found>({ hits: [] });
  useEffect(() => setFound({ hits: [] }), [url]);
  useLive<LogsMessage | { problem: string }>(url, (message) => {
    setFound((before) => {
      if ('problem' in message) return { ...before, problem: message.problem };
      if ('lines' in message) return { hits: message.isFirst ? message.lines : [...before.hits, ...message.lines] };
      return { ...before, end: message };
    });
  });
  const isOpen = end === undefined && problem === undefined;
  return (
    <>
      {problem !== undefined && <ErrorText error={problem} />}
      <p class="muted" role="status" aria-busy={isOpen}>
        {plural(hits.length, 'line')}
        {end?.isCut && '; there are more: search for less'}
        {end?.isLate && '; the search took too long and was ended: search for less'}
      </p>
      {hits.length > 0 && (
        <div class="logs" tabIndex={0} role="region" aria-label="Lines found">
          {hits.map((hit, n) => (
            <div key={n} class={`line l-${hit.level}`}>
              <time>{new Date(hit.t).toISOString().replace('T', ' ').slice(0, 23)}</time>{' '}
              <Link href={runLink(hit)}>{hit.workflowId}</Link> <b>{hit.stepId}</b>
              {hit.attempt > 1 && <span class="muted"> attempt {hit.attempt}</span>} {hit.message}
            </div>
          ))}
        </div>
      )}
    </>
  );
}
