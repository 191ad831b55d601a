import { lazy, Suspense } from 'preact/compat';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Link, useLocation, useSearch } from 'wouter-preact';
import type { RunView } from '../../../history/run-view.js';
import type { RunMessage } from '../../shapes.js';
import { applyChange } from '../../view-change.js';
import { urlOf, useLive } from '../api.js';
import { number, time } from '../format.js';
import { Action } from '../parts/action.js';
import { ApprovalCard } from '../parts/approval-card.js';
import { useChildRuns } from '../parts/child-runs.js';
import { ErrorText } from '../parts/error-text.js';
import { Lines } from '../parts/lines.js';
import { runLink, temporalLink } from '../parts/links.js';
import { useSession } from '../parts/session.js';
import { Status, statusWords } from '../parts/status.js';
import { StepPanel } from '../parts/step-panel.js';
import { StepTable } from '../parts/step-table.js';
import { Timeline } from '../parts/timeline.js';
import { ValueView } from '../parts/value-view.js';
import { Took, When } from '../parts/when.js';
import { childOf, criticalPath, graphOf } from '../run-graph.js';

// Fetched beside the run's first view, not after it.
const graphView = import('../parts/graph-view.js').then(({ GraphView: part }) => ({ default: part }));
const GraphView = lazy(() => graphView);
const StudiesTab = lazy(() => import('../parts/studies-tab.js').then(({ StudiesTab: part }) => ({ default: part })));

interface Known {
  readonly view?: RunView;
  readonly isRecorded?: boolean;
  readonly lost?: string;
  readonly unserved?: readonly string[];
  readonly problem?: string;
}

function useRun(id: string, run: string): Known & { readonly link: string } {
  const [known, setKnown] = useState<Known>({});
  const url = urlOf('/api/run/live', { id, run });
  useEffect(() => setKnown({}), [url]);
  const link = useLive<RunMessage | { kind?: undefined; problem: string }>(url, (message) => {
    setKnown((before) => {
      switch (message.kind) {
        case 'view':
          return { view: message.view, isRecorded: message.recorded === true };
        case 'change':
          return before.view === undefined ? before : { ...before, view: applyChange(before.view, message.change) };
        case 'lost':
          return { ...before, lost: message.message };
        case 'found': {
          const { lost: _, ...rest } = before;
          return rest;
        }
        case 'unserved':
          return { ...before, unserved: [...new Set([...(before.unserved ?? []), message.message])] };
        case undefined:
          return { ...before, problem: message.problem };
      }
    });
  });
  return { ...known, link };
}

const tabs = ['graph', 'timeline', 'steps', 'logs', 'input & output'] as const;
type Tab = (typeof tabs)[number] | 'study';

export function RunPage() {
  const search = new URLSearchParams(useSearch());
  const [, go] = useLocation();
  const id = search.get('id') ?? '';
  const run = search.get('run') ?? '';
  const { view, isRecorded, lost, unserved = [], problem, link } = useRun(id, run);
  const tab = (search.get('tab') ?? 'graph') as Tab;
  const chosen = search.get('step') ?? undefined;
  const show = (more: { tab?: string; step?: string | undefined }) => {
    go(urlOf('/run', { id, run, tab, step: chosen, ...more }), { replace: true });
  };
  if (problem !== undefined && view === undefined) return <NoRun id={id} problem={problem} />;
  if (view === undefined) return <p aria-busy="true" class="waiting" />;
  const step = view.steps.find((one) => one.id === chosen);
  const choose = (of: string) => {
    const child = childOf(of);
    if (child === undefined) show({ step: of });
    else go(runLink({ workflowId: child }));
  };
  return (
    <>
      <Head view={view} />
      {isRecorded && <p class="note">The engine has forgotten this run’s history; this is its record.</p>}
      {lost !== undefined && <p class="problem">The engine cannot be reached: {lost} This page goes on by itself.</p>}
      {link === 'lost' && <p class="problem">The dashboard’s server is away; trying again.</p>}
      {view.closedAt === undefined &&
        unserved.map((text) => (
          <p key={text} class="problem">
            {text}
          </p>
        ))}
      {view.blocked !== undefined && (
        <p class="problem">
          The run cannot go on since <When at={view.blocked.since} />: {view.blocked.message} It goes on by itself when
          a worker with fitting code takes it.
        </p>
      )}
      <Approvals view={view} />
      <Gates view={view} />
      <nav class="tabs" aria-label="Views of the run">
        {([...tabs, ...(hasStudies(view) ? (['study'] as const) : [])] as const).map((one) => (
          <button
            key={one}
            type="button"
            class="plain"
            aria-current={one === tab ? 'true' : undefined}
            onClick={() => show({ tab: one })}
          >
            {one === 'steps' ? `steps (${view.steps.length.toLocaleString()})` : one}
          </button>
        ))}
      </nav>
      <div class={step === undefined ? 'split' : 'split with-panel'}>
        <div class="split-main">
          {tab === 'graph' && <GraphTab view={view} chosen={chosen} choose={choose} />}
          {tab === 'timeline' && <Timeline view={view} chosen={chosen} choose={choose} />}
          {tab === 'steps' && <StepTable view={view} chosen={chosen} choose={choose} />}
          {tab === 'logs' && <Lines id={view.workflowId} run={view.runId} />}
          {tab === 'input & output' && <InputOutput view={view} />}
          {tab === 'study' && (
            <Suspense fallback={<p aria-busy="true" class="waiting" />}>
              <StudiesTab view={view} />
            </Suspense>
          )}
        </div>
        {step !== undefined && <StepPanel view={view} step={step} close={() => show({ step: undefined })} />}
      </div>
    </>
  );
}

/** A large one has a run of its own. */
function hasStudies({ studies, children }: RunView): boolean {
  return studies.length > 0 || children.some(({ pipeline }) => pipeline === 'evertrain.study');
}

function NoRun({ id, problem }: { id: string; problem: string }) {
  return (
    <>
      <h1>There is nothing to show of “{id}”</h1>
      <ErrorText error={problem} />
      <p>
        See the <Link href="/runs">runs</Link>, or those whose id <Link href={urlOf('/runs', { id })}>begins so</Link>.
      </p>
    </>
  );
}

function Head({ view }: { view: RunView }) {
  const { temporalUi, namespace } = useSession();
  const {
    workflowId: id,
    runId: run,
    status,
    pipeline,
    startedAt,
    closedAt,
    rerunOf,
    parent,
    planned,
    provenance,
  } = view;
  const kind = status.kind;
  return (
    <>
      <div class="title">
        <h1 class="id">{id}</h1>
        <Status of={kind} />
        <span class="spacer" />
        {kind === 'running' && (
          <Action
            name="Cancel"
            path="/api/run/cancel"
            body={{ id, run }}
            question="Stop this run? Its open steps are cancelled, its clean-up runs."
          />
        )}
        {kind === 'running' && (
          <Action
            name="Terminate"
            path="/api/run/terminate"
            body={{ id, run }}
            question="End this run at once? None of its code runs any more."
          />
        )}
        {temporalUi !== undefined && (
          <a href={temporalLink(temporalUi, namespace, id, run)} target="_blank" rel="noreferrer">
            Temporal ↗
          </a>
        )}
      </div>
      <p class="facts">
        <Link href={urlOf('/runs', { pipeline })}>{pipeline}</Link>
        <span>
          started <time title={time(startedAt)}>{time(startedAt)}</time>
        </span>
        <span>
          took <Took from={startedAt} to={closedAt} />
        </span>
        {planned !== undefined && (
          <span>
            for {new Date(planned.logicalDate).toISOString()}
            {planned.schedule !== undefined && ` (schedule ${planned.schedule})`}
          </span>
        )}
        {rerunOf !== undefined && (
          <span>
            again from {rerunOf.from} of <Link href={runLink(rerunOf)}>{rerunOf.workflowId}</Link>
          </span>
        )}
        {parent !== undefined && (
          <span>
            called by <Link href={runLink(parent)}>{parent.workflowId}</Link>
          </span>
        )}
        {provenance?.commit !== undefined && <span title="git commit">code {provenance.commit.slice(0, 9)}</span>}
        {status.kind === 'continued' && <Link href={runLink({ workflowId: id, runId: status.runId })}>it goes on</Link>}
      </p>
      {statusWords(status) !== '' && <p class={kind === 'failed' ? 'problem' : 'note'}>{statusWords(status)}</p>}
    </>
  );
}

function Approvals({ view }: { view: RunView }) {
  const waiting = view.closedAt === undefined ? view.approvals.filter(({ state }) => state === 'waiting') : [];
  return (
    <>
      {waiting.map((approval) => (
        <ApprovalCard key={approval.id} run={view} approval={approval} />
      ))}
    </>
  );
}

function Gates({ view }: { view: RunView }) {
  if (view.gates.length === 0) return null;
  return (
    <div class="gates">
      {view.gates.map((gate) => (
        <details key={`${gate.name} ${gate.at}`} class={gate.passed ? 'gate passed' : 'gate rejected'}>
          <summary>
            <Status of={gate.passed ? 'completed' : 'rejected'} short /> {gate.name}
          </summary>
          {gate.facts !== undefined && <ValueView value={gate.facts} />}
        </details>
      ))}
    </div>
  );
}

function GraphTab({
  view,
  chosen,
  choose,
}: {
  view: RunView;
  chosen: string | undefined;
  choose: (id: string) => void;
}) {
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  const [, go] = useLocation();
  const children = useChildRuns([...unfolded].flatMap((id) => childOf(id) ?? []));
  const graph = useMemo(() => graphOf(view, unfolded, children), [view, unfolded, children]);
  const critical = useMemo(() => criticalPath(graph), [graph]);
  const unfold = (id: string) => setUnfolded(new Set([...unfolded, id]));
  if (graph.nodes.length === 0) return <p class="empty">It has called nothing yet.</p>;
  return (
    <Suspense fallback={<p aria-busy="true" class="waiting" />}>
      {unfolded.size > 0 && (
        <button type="button" class="chip" onClick={() => setUnfolded(new Set())}>
          fold again
        </button>
      )}
      <GraphView
        graph={graph}
        critical={critical}
        chosen={chosen}
        choose={({ id, run, members }) => {
          const child = childOf(id);
          if (child !== undefined) {
            if (unfolded.has(id)) go(runLink({ workflowId: child }));
            else unfold(id);
          } else if (run === undefined) choose(id);
          else go(urlOf('/run', { id: run.workflowId, run: run.runId, step: members[0] }));
        }}
        unfold={unfold}
        fold={(id) => setUnfolded(new Set([...unfolded].filter((one) => one !== id)))}
      />
    </Suspense>
  );
}

function InputOutput({ view }: { view: RunView }) {
  const { input, output, seed, provenance } = view;
  return (
    <div class="columns">
      <section>
        <h2>Input</h2>
        <ValueView value={input} />
        <p class="muted">seed {number(seed)}</p>
      </section>
      <section>
        <h2>Output</h2>
        {output === undefined ? <p class="muted">None yet.</p> : <ValueView value={output} />}
      </section>
      <section>
        <h2>Provenance</h2>
        {provenance === undefined ? <p class="muted">It was not gathered.</p> : <ValueView value={provenance} />}
      </section>
    </div>
  );
}
