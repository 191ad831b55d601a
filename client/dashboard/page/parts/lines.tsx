import { lazy, Suspense } from 'preact/compat';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { AttemptLine } from '../../shapes.js';
import { urlOf, useLive } from '../api.js';
import { logLevels } from '../log-levels.js';

const RunCurves = lazy(() => import('./run-curves.js').then(({ RunCurves: part }) => ({ default: part })));

type Log = Extract<AttemptLine, { kind: 'log' }>;

/** Older ones are dropped from the page, never from the journal. */
const mostLogs = 5_000;
const levelAt = (level: string) => logLevels.findIndex((one) => one === level);

/** Logs and metric curves of a run or a step, live. */
export function Lines({ id, run, step }: { id: string; run: string; step?: string }) {
  const [logs, setLogs] = useState<readonly Log[]>([]);
  const url = urlOf('/api/run/lines', { id, run, step });
  useEffect(() => setLogs([]), [url]);
  const link = useLive<readonly Log[]>(url, (added) => {
    if (Array.isArray(added)) setLogs((before) => [...before, ...added].slice(-mostLogs));
  });
  return (
    <>
      <Suspense fallback={null}>
        <RunCurves id={id} run={run} steps={step === undefined ? [] : [step]} />
      </Suspense>
      <Logs logs={logs} isMany={step === undefined} isOpen={link !== 'ended'} />
    </>
  );
}

function Logs({ logs, isMany, isOpen }: { logs: readonly Log[]; isMany: boolean; isOpen: boolean }) {
  const [text, setText] = useState('');
  const [level, setLevel] = useState('debug');
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const shown = useMemo(() => {
    const least = levelAt(level);
    const wanted = text.toLowerCase();
    return logs.filter(
      (line) =>
        levelAt(line.level) >= least &&
        (wanted === '' || `${line.stepId} ${line.message}`.toLowerCase().includes(wanted)),
    );
  }, [logs, text, level]);
  useEffect(() => {
    const { current } = box;
    if (current !== null && isAtEnd.current) current.scrollTop = current.scrollHeight;
  }, [shown]);
  const onScroll = () => {
    const { current } = box;
    if (current !== null) isAtEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < 20;
  };
  return (
    <section class="logs-part">
      <div class="logs-head">
        <h3>Log</h3>
        <input
          type="search"
          aria-label="Find in the log"
          placeholder="Find"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select aria-label="Least level" value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
          {logLevels.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </div>
      <div class="logs" ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Log lines">
        {shown.length === 0 && (
          <p class="muted">
            {logs.length > 0 ? 'No line is like that.' : isOpen ? 'No lines yet.' : 'It logged nothing.'}
          </p>
        )}
        {logs.length === mostLogs && (
          <p class="muted">The newest {mostLogs.toLocaleString()} lines; `evertrain logs` has all.</p>
        )}
        {shown.map((line, n) => (
          <div key={n} class={`line l-${line.level}`}>
            <time>{new Date(line.t).toISOString().slice(11, 23)}</time> {isMany && <b>{line.stepId}</b>} {line.message}
          </div>
        ))}
      </div>
    </section>
  );
}
