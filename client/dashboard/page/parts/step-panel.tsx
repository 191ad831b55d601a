import { useEffect, useState } from 'preact/hooks';
import { Link, useLocation } from 'wouter-preact';
import type { PastCall } from '../../shapes.js';
import type { RunView, StepView } from '../../../history/run-view.js';
import { ask } from '../api.js';
import { duration, number, time } from '../format.js';
import { Action } from './action.js';
import { ErrorText } from './error-text.js';
import { Lines } from './lines.js';
import { runLink } from './links.js';
import { Status } from './status.js';
import { ValueView } from './value-view.js';
import { Took, When } from './when.js';

/** All that is known of a step. `step`: as the run's view has it, without its values. */
export function StepPanel({ view, step, close }: { view: RunView; step: StepView; close: () => void }) {
  const { workflowId: id, runId: run } = view;
  const [, go] = useLocation();
  const endedAt = 'endedAt' in step ? step.endedAt : undefined;
  return (
    <aside class="panel" aria-label={`Step ${step.id}`}>
      <header>
        <h2>{step.id}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={close}>
          ✕
        </button>
      </header>
      <p class="facts">
        <Status of={step.status} /> <Took from={step.scheduledAt} to={endedAt} />
        {step.queue !== undefined && <span>queue {step.queue}</span>}
        {step.light && <span>light</span>}
        <span>attempt {step.attempt}</span>
        {view.closedAt !== undefined && (
          <Action<{ workflowId: string; runId: string }>
            name="Run again from here"
            path="/api/run/rerun"
            body={{ id, run, from: step.id }}
            question={`Start a new run that takes what came before “${step.id}” from this one?`}
            onDone={(started) => go(runLink(started))}
          />
        )}
      </p>
      <Standing step={step} />
      {Object.keys(step.metrics).length > 0 && (
        <p class="metrics">
          {Object.entries(step.metrics).map(([name, value]) => (
            <span key={name}>
              {name} <b class="num">{number(value)}</b>
            </span>
          ))}
        </p>
      )}
      <Past key={`past ${step.id}`} pipeline={view.pipeline} step={step.id} run={view.runId} />
      {step.attempts !== undefined && step.attempts.some(({ outcome }) => outcome !== 'completed') && (
        <Attempts step={step} />
      )}
      <Values key={`${step.id} ${step.status}`} id={id} run={run} step={step.id} />
      {step.status !== 'cached' && step.status !== 'reused' && <Lines key={step.id} id={id} run={run} step={step.id} />}
    </aside>
  );
}

/** What a step waits for, or why it failed. */
function Standing({ step }: { step: StepView }) {
  switch (step.status) {
    case 'queued':
      return (
        <>
          {step.waitsForPool !== undefined && (
            <p>
              Waits for a place in pool <b>{step.waitsForPool}</b>
              {step.place !== undefined && `, ${step.place.number} of ${step.place.of}`}.
            </p>
          )}
          {step.waitsFor !== undefined && (
            <p>
              Another call makes the same: <a href={runLink(step.waitsFor)}>{step.waitsFor.workflowId}</a>.
            </p>
          )}
          {step.lastFailure !== undefined && <Failure {...step.lastFailure} />}
          {step.nextAttemptAt !== undefined && (
            <p>
              The next attempt is due <When at={step.nextAttemptAt} />.
            </p>
          )}
        </>
      );
    case 'waiting':
      return (
        <p>
          Waits until {step.waitsUntil}; {step.looks} looks so far
          {step.lastLook !== undefined && `, the last: ${step.lastLook}`}
          {step.nextLookAt !== undefined && (
            <>
              ; the next <When at={step.nextLookAt} />
            </>
          )}
          .
        </p>
      );
    case 'running':
      return (
        <>
          <Progress of={step.progress} />
          {step.lastFailure !== undefined && <Failure {...step.lastFailure} />}
          <p class="muted">
            {step.worker !== undefined && <>worker {step.worker} </>}
            {step.lastHeartbeatAt !== undefined && (
              <>
                · last heartbeat <When at={step.lastHeartbeatAt} />
              </>
            )}
          </p>
        </>
      );
    case 'failed':
      return <Failure {...step.failure} />;
    case 'cached':
      return (
        <p>
          From the step cache: made by <a href={runLink(step.cacheSource)}>{step.cacheSource.workflowId}</a>, step{' '}
          {step.cacheSource.stepId}.
        </p>
      );
    case 'reused':
      return step.reusedFrom === undefined ? null : (
        <p>
          Taken over from <a href={runLink(step.reusedFrom)}>{step.reusedFrom.workflowId}</a>.
        </p>
      );
    case 'unknown':
      return <p>It was scheduled; nothing tells how it stands.</p>;
    default:
      return null;
  }
}

function Progress({ of }: { of: unknown }) {
  if (typeof of !== 'object' || of === null) return null;
  const { fraction, message } = of as { fraction?: unknown; message?: unknown };
  return (
    <p>
      {typeof fraction === 'number' && <progress value={fraction} max={1} aria-label="Progress" />}
      {typeof message === 'string' && message}
    </p>
  );
}

function Failure({ code, message }: { code: string; message: string }) {
  return (
    <div class="problem">
      <code>{code}</code> {message}
    </div>
  );
}

function Attempts({ step }: { step: StepView }) {
  return (
    <details open>
      <summary>Attempts</summary>
      <table>
        <tbody>
          {(step.attempts ?? []).map(({ attempt, outcome, startedAt, durationMs, code, message }) => (
            <tr key={attempt}>
              <td class="num">{attempt}</td>
              <td>
                <Status of={outcome} />
              </td>
              <td title={time(startedAt)}>{duration(durationMs)}</td>
              <td>
                {code !== undefined && <code>{code}</code>} {message}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** How long it took in past runs, when somebody asks. */
function Past({ pipeline, step, run }: { pipeline: string; step: string; run: string }) {
  const [calls, setCalls] = useState<readonly PastCall[]>();
  const [problem, setProblem] = useState<unknown>();
  const load = () => {
    ask<readonly PastCall[]>('/api/step/past', { pipeline, step }).then(setCalls, setProblem);
  };
  const longest = Math.max(1, ...(calls ?? []).map(({ ms }) => ms));
  return (
    <details onToggle={(event) => event.currentTarget.open && calls === undefined && load()}>
      <summary>Past runs</summary>
      {problem !== undefined && <ErrorText error={problem} />}
      {calls === undefined && problem === undefined && <p aria-busy="true" class="waiting" />}
      {calls?.length === 0 && <p class="muted">It has ended in none of the newest runs.</p>}
      <span class="grid-bars past">
        {calls?.map(({ workflowId, runId, status, scheduledAt, ms }) => (
          <Link
            key={runId}
            href={`${runLink({ workflowId, runId })}&step=${encodeURIComponent(step)}`}
            class={`bar s-${status} ${runId === run ? 'own' : ''}`}
            style={{ height: `${Math.max(6, (100 * ms) / longest)}%` }}
            title={`${workflowId}\n${status}, ${duration(ms)}\n${time(scheduledAt)}`}
            aria-label={`${workflowId} ${status}, ${duration(ms)}`}
          />
        ))}
      </span>
    </details>
  );
}

function Values({ id, run, step }: { id: string; run: string; step: string }) {
  const [values, setValues] = useState<{ input?: unknown; output?: unknown }>();
  const [problem, setProblem] = useState<unknown>();
  useEffect(() => {
    ask<{ input?: unknown; output?: unknown }>('/api/run/step', { id, run, step }).then(setValues, setProblem);
  }, [id, run, step]);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (values === undefined) return <p aria-busy="true" class="waiting" />;
  return (
    <>
      <details open>
        <summary>Input</summary>
        {values.input === undefined ? (
          <p class="muted">History does not have it.</p>
        ) : (
          <ValueView value={values.input} />
        )}
      </details>
      {values.output !== undefined && (
        <details open>
          <summary>Output</summary>
          <ValueView value={values.output} />
        </details>
      )}
    </>
  );
}
