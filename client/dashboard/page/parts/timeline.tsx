import { useMemo, useState } from 'preact/hooks';
import type { RunView, StepView } from '../../../history/run-view.js';
import { duration, serverNow } from '../format.js';
import { Status } from './status.js';
import { useTick } from './when.js';

interface Row {
  readonly id: string;
  readonly status: string;
  readonly from: number;
  readonly to?: number | undefined;
  readonly step?: StepView;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly kind: 'queue' | 'work' | 'failed' | 'pause';
  readonly words: string;
}

/** What took how long: waiting in a queue, each attempt, and the pauses between them. */
export function Timeline({
  view,
  chosen,
  choose,
}: {
  view: RunView;
  chosen: string | undefined;
  choose: (id: string) => void;
}) {
  useTick(view.closedAt === undefined);
  const [filter, setFilter] = useState('');
  const rows = useMemo(() => rowsOf(view), [view]);
  const shown = filter === '' ? rows : rows.filter(({ id }) => id.includes(filter));
  const end = view.closedAt ?? serverNow();
  const span = Math.max(1, end - view.startedAt);
  const place = (at: number) => `${(100 * (Math.max(view.startedAt, at) - view.startedAt)) / span}%`;
  return (
    <div class="timeline">
      <div class="timeline-head">
        <input
          type="search"
          placeholder={`Find among ${rows.length.toLocaleString()}`}
          aria-label="Find steps"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
        <span class="legend">
          <i class="part queue" /> in a queue <i class="part work" /> work <i class="part failed" /> failed attempt{' '}
          <i class="part pause" /> pause
        </span>
      </div>
      <div class="scale" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share} style={{ left: `${share * 100}%` }}>
            {duration(span * share)}
          </span>
        ))}
      </div>
      <div class="timeline-rows">
        {shown.map((row) => (
          <button
            type="button"
            key={row.id}
            class={`timeline-row ${chosen === row.id ? 'chosen' : ''}`}
            onClick={() => choose(row.id)}
          >
            <span class="timeline-name">
              <Status of={row.status} short /> {row.id}
            </span>
            <span class="timeline-bars">
              {partsOf(row, end).map(({ from, to, kind, words }) => (
                <i
                  key={from}
                  class={`part ${kind}`}
                  title={words}
                  style={{ left: place(from), width: `max(2px, ${(100 * (to - from)) / span}%)` }}
                />
              ))}
            </span>
            <span class="num muted">{duration((row.to ?? end) - row.from)}</span>
          </button>
        ))}
      </div>
    </div>
  );
}

function rowsOf(view: RunView): Row[] {
  const steps = view.steps.map((step): Row => {
    return {
      id: step.id,
      status: step.status,
      from: step.scheduledAt,
      to: 'endedAt' in step ? step.endedAt : undefined,
      step,
    };
  });
  const children = view.children.map(({ workflowId, status, startedAt, endedAt }): Row => {
    return { id: `child:${workflowId}`, status, from: startedAt, to: endedAt };
  });
  const approvals = view.approvals.map(({ id, askedAt, answeredAt }): Row => {
    return {
      id: `approval:${id}`,
      status: answeredAt === undefined ? 'waiting' : 'completed',
      from: askedAt,
      to: answeredAt,
    };
  });
  const timers = view.timers.map(({ id, status, startedAt, endedAt }): Row => {
    return { id: `timer:${id}`, status: status === 'fired' ? 'completed' : status, from: startedAt, to: endedAt };
  });
  return [...steps, ...children, ...approvals, ...timers].sort((a, b) => a.from - b.from);
}

function partsOf({ step, from, to, status }: Row, now: number): Part[] {
  const end = to ?? now;
  if (step === undefined)
    return [{ from, to: end, kind: status === 'waiting' ? 'queue' : 'work', words: duration(end - from) }];
  const parts: Part[] = [];
  let at = from;
  const add = (until: number, kind: Part['kind'], words: string) => {
    if (until > at) parts.push({ from: at, to: until, kind, words: `${words}: ${duration(until - at)}` });
    at = Math.max(at, until);
  };
  for (const [n, attempt] of (step.attempts ?? []).entries()) {
    add(attempt.startedAt, n === 0 ? 'queue' : 'pause', n === 0 ? 'in a queue' : 'until the next attempt');
    add(
      attempt.endedAt,
      attempt.outcome === 'completed' ? 'work' : 'failed',
      `attempt ${attempt.attempt}, ${attempt.outcome}`,
    );
  }
  const startedAt = 'startedAt' in step ? step.startedAt : undefined;
  if (parts.length === 0 || step.status === 'running') {
    if (startedAt !== undefined)
      add(startedAt, at === from ? 'queue' : 'pause', at === from ? 'in a queue' : 'until the next attempt');
    const isAtWork = startedAt !== undefined || step.status === 'cached' || step.status === 'reused';
    add(end, isAtWork ? (step.status === 'failed' ? 'failed' : 'work') : 'queue', isAtWork ? step.status : 'waits');
  } else if (to === undefined) add(end, 'pause', 'until the next attempt');
  return parts;
}
