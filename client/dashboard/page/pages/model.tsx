import { useState } from 'preact/hooks';
import { Link, useSearch } from 'wouter-preact';
import type { ModelState, ModelVersion } from '../../../../workflows/sdk/model/model-state.js';
import type { ModelAnswer } from '../../shapes.js';
import { urlOf } from '../api.js';
import { number, plural } from '../format.js';
import { Action } from '../parts/action.js';
import { ApprovalCard } from '../parts/approval-card.js';
import { CompareCell, CompareHead } from '../parts/compare-cells.js';
import { Curves } from '../parts/curves.js';
import { runLink } from '../parts/links.js';
import { LivePage } from '../parts/live-page.js';
import { RolloutPart } from '../parts/rollout-part.js';
import { ValueView } from '../parts/value-view.js';
import { When } from '../parts/when.js';

const mostBatches = 60;

export function ModelPage() {
  const name = new URLSearchParams(useSearch()).get('name') ?? '';
  const actions = ({ state }: ModelAnswer) => <Orders state={state} />;
  return (
    <LivePage<ModelAnswer> title={name} url={urlOf('/api/model/live', { name })} actions={actions}>
      {(answer) => <Life answer={answer} />}
    </LivePage>
  );
}

function Orders({ state: { name, paused, former, rollout } }: { state: ModelState }) {
  return (
    <>
      <Action
        name="Retrain"
        path="/api/model/retrain"
        body={{ name }}
        question="Train now, on the data that waits and the window before it?"
      />
      {paused === undefined ? (
        <Action
          name="Pause"
          path="/api/model/pause"
          body={{ name }}
          question="Let no data start a training, until it is resumed?"
        />
      ) : (
        <Action name="Resume" path="/api/model/resume" body={{ name }} />
      )}
      {(rollout !== undefined || (former?.length ?? 0) > 0) && (
        <Action
          name="Roll back"
          path="/api/model/rollback"
          body={{ name }}
          question={
            rollout === undefined
              ? 'Make the champion before this one the champion again?'
              : `Take version ${rollout.version} back?`
          }
        />
      )}
    </>
  );
}

function Life({ answer }: { answer: ModelAnswer }) {
  const { state } = answer;
  return (
    <>
      {state.paused !== undefined && (
        <p class="note">
          Paused by {state.paused.actor ?? 'somebody'} {state.paused.reason !== undefined && `(${state.paused.reason})`}
          : data starts no training.
        </p>
      )}
      <Now state={state} />
      <Approvals answer={answer} />
      {answer.rollout !== undefined && <RolloutPart rollout={answer.rollout} model={state.name} />}
      <Progression state={state} />
      <Versions state={state} />
      <Data state={state} />
      <Drift state={state} />
      <Audit state={state} />
    </>
  );
}

/** What is going on, each with its run. */
function Now({ state: { training, checking, comparison, rollout, driftCheck, promoting } }: { state: ModelState }) {
  const open = [
    ...(training === undefined ? [] : [['trains', training] as const]),
    ...(checking === undefined ? [] : [['checks new batches', checking] as const]),
    ...(comparison === undefined ? [] : [[`compares version ${comparison.version}`, comparison] as const]),
    ...(rollout === undefined ? [] : [[`rolls out version ${rollout.version}`, rollout] as const]),
    ...(driftCheck === undefined ? [] : [['checks for drift', driftCheck] as const]),
  ];
  if (open.length === 0 && promoting === undefined) return null;
  return (
    <p class="facts">
      {open.map(([what, run]) => (
        <span key={run.workflowId} class="tag live">
          {what}: <Link href={runLink(run)}>{run.trigger}</Link>
        </span>
      ))}
      {promoting !== undefined && <span class="tag live">deploys version {promoting}</span>}
    </p>
  );
}

/** What is asked of people, with its evidence. */
function Approvals({ answer: { state, approvals } }: { answer: ModelAnswer }) {
  const { comparison } = state;
  const title = (run: string) =>
    run === comparison?.workflowId
      ? `Version ${comparison.version} against ${comparison.champion === undefined ? 'no champion' : `champion ${comparison.champion}`}`
      : undefined;
  return (
    <>
      {approvals.map(({ approval, pipeline, ...run }) => (
        <ApprovalCard
          key={`${run.runId} ${approval.id}`}
          run={run}
          approval={approval}
          title={
            <>
              {title(run.workflowId) ?? approval.id} <Link href={runLink(run)}>{pipeline} ↗</Link>
            </>
          }
        />
      ))}
    </>
  );
}

/** The names of all that any of them has. */
function metricsOf(versions: readonly ModelVersion[]): string[] {
  return [...new Set(versions.flatMap(({ metrics }) => Object.keys(metrics)))];
}

/** Each metric over the versions. */
function Progression({ state: { versions } }: { state: ModelState }) {
  const curves = metricsOf(versions).map((name) => {
    const points = versions.flatMap(({ version, metrics: { [name]: value } }) =>
      value === undefined ? [] : [[Number(version), value] as const],
    );
    return { name, label: 'by version', points };
  });
  return versions.length < 2 ? null : <Curves curves={curves} />;
}

function Versions({ state }: { state: ModelState }) {
  const { name, versions, champion, comparison, rollout } = state;
  const metrics = metricsOf(versions);
  const [chosen, choose] = useState<readonly string[]>([]);
  const toggle = (one: string) =>
    choose(chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one].slice(-2));
  const [earlier, later] = [...chosen].sort((a, b) => Number(a) - Number(b));
  const stageOf = ({ version, stage }: ModelVersion) => (version === champion ? 'champion' : stage);
  if (versions.length === 0) return <p class="empty">No training has made one yet.</p>;
  return (
    <>
      <div class="title">
        <h2>Versions</h2>
        <span class="spacer" />
        {chosen.length === 2 && (
          <Link href={urlOf('/compare', { model: name, a: earlier, b: later })} class="button secondary">
            Compare the two
          </Link>
        )}
      </div>
      <div class="scroll">
        <table class="steps">
          <thead>
            <tr>
              <CompareHead />
              <th>Version</th>
              <th>Stage</th>
              {metrics.map((metric) => (
                <th key={metric} class="right">
                  {metric}
                </th>
              ))}
              <th>Made</th>
              <th>Why</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {[...versions].reverse().map((one) => (
              <tr key={one.version} class={one.version === champion ? 'best' : undefined}>
                <CompareCell
                  name={`version ${one.version}`}
                  isChosen={chosen.includes(one.version)}
                  toggle={() => toggle(one.version)}
                />
                <td>
                  <Link href={runLink(one.run)}>{one.version}</Link>
                </td>
                <td>
                  <span class={`tag stage-${stageOf(one)}`}>{stageOf(one)}</span>
                </td>
                {metrics.map((metric) => (
                  <td key={metric} class="right num">
                    {one.metrics[metric] === undefined ? '' : number(one.metrics[metric])}
                  </td>
                ))}
                <td>
                  <When at={Date.parse(one.registeredAt)} />
                </td>
                <td class="text">
                  {one.reason}
                  {one.data !== undefined && (
                    <span class="muted">
                      {' '}
                      · {plural(one.data.rows, 'row')} of {plural(one.data.batches, 'batch', 'batches')}
                    </span>
                  )}
                  {one.comparison !== undefined && (
                    <details>
                      <summary>comparison</summary>
                      <ValueView value={one.comparison} />
                    </details>
                  )}
                </td>
                <td>
                  {one.version !== champion && one.version !== comparison?.version && rollout === undefined && (
                    <Action
                      name="Promote"
                      path="/api/model/promote"
                      body={{ name, version: one.version }}
                      question={`Make version ${one.version} the champion?`}
                    />
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Data({ state: { data, name } }: { state: ModelState }) {
  if (data === undefined) return null;
  const { counts, waiting, inTraining, quarantined, used, rejected, refusing } = data;
  const rows = [
    ...quarantined.map(({ batch, problems }) => ({
      ...batch,
      state: 'held back',
      isHeld: true,
      why: problems.join('; '),
    })),
    ...waiting.map((batch) => ({ ...batch, state: 'waits', isHeld: false, why: '' })),
    ...inTraining.map((batch) => ({ ...batch, state: 'in training', isHeld: false, why: '' })),
    ...[...used].reverse().map((batch) => ({ ...batch, state: 'used', isHeld: false, why: '' })),
    ...[...rejected]
      .reverse()
      .map((batch) => ({ ...batch, rows: undefined, state: 'rejected', isHeld: false, why: batch.reason })),
  ];
  return (
    <>
      <h2>Data</h2>
      <p class="facts">
        <span>{plural(counts.received, 'batch', 'batches')} received</span>
        <span>{plural(counts.rows, 'row')}</span>
        <span>{counts.duplicates} twice</span>
        <span>{waiting.length} waiting</span>
        {refusing !== undefined && <span class="tag bad">refuses batches: too many wait</span>}
      </p>
      <div class="scroll">
        <table>
          <tbody>
            {rows.slice(0, mostBatches).map(({ id, rows: size, state, isHeld, why }) => (
              <tr key={`${id} ${state}`}>
                <td class="id">{id}</td>
                <td>
                  <span class={isHeld ? 'tag wait' : 'tag'}>{state}</span>
                </td>
                <td class="right num">{size === undefined ? '' : plural(size, 'row')}</td>
                <td class="text muted">{why}</td>
                <td>
                  {isHeld && (
                    <>
                      <Action
                        name="Release"
                        path="/api/model/release-batch"
                        body={{ name, batch: id }}
                        question={`Train on “${id}” although its check failed?`}
                      />{' '}
                      <Action
                        name="Drop"
                        path="/api/model/drop-batch"
                        body={{ name, batch: id }}
                        question={`Reject “${id}” for good?`}
                      />
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Drift({ state: { drift } }: { state: ModelState }) {
  if (drift === undefined || drift.records.length === 0) return null;
  const features = [...new Set(drift.records.flatMap(({ worst = [] }) => worst.map(({ name }) => name)))];
  const curves = features.map((label) => {
    const points = drift.records.flatMap(({ at, worst = [] }) => {
      const psi = worst.find(({ name }) => name === label)?.psi;
      return psi === undefined ? [] : [[Date.parse(at) / 1_000, psi] as const];
    });
    return { name: 'PSI over time (s)', label, points };
  });
  return (
    <>
      <h2>Drift</h2>
      {drift.records.length > 1 && <Curves curves={curves.filter(({ points }) => points.length > 0)} />}
      <div class="scroll">
        <table>
          <tbody>
            {[...drift.records].reverse().map((record) => (
              <tr key={record.at}>
                <td>
                  <When at={Date.parse(record.at)} />
                </td>
                <td>
                  <span class={record.isDrifted ? 'tag bad' : 'tag'}>{record.isDrifted ? 'drifted' : 'steady'}</span>
                </td>
                <td class="text">
                  {record.workflowId === undefined ? (
                    record.reason
                  ) : (
                    <Link href={runLink({ workflowId: record.workflowId })}>{record.reason}</Link>
                  )}
                </td>
                <td class="muted">{plural(record.rows, 'row')}</td>
                <td>{record.training}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** What people ordered and how trainings ended, newest first. */
function Audit({ state: { orders = [], trainings } }: { state: ModelState }) {
  return (
    <div class="columns">
      <section>
        <h2>What people did</h2>
        {orders.length === 0 && <p class="muted">Nothing yet.</p>}
        <ul>
          {[...orders].reverse().map(({ order, at, actor, reason }) => (
            <li key={at}>
              <When at={Date.parse(at)} /> <b>{actor ?? 'somebody'}</b> {order}{' '}
              {reason !== undefined && <span class="muted">“{reason}”</span>}
            </li>
          ))}
        </ul>
      </section>
      <section>
        <h2>Trainings</h2>
        <ul>
          {[...trainings].reverse().map(({ trigger, workflowId, outcome, reason }) => (
            <li key={workflowId}>
              <span class={`tag s-${outcome}`}>{outcome}</span> <Link href={runLink({ workflowId })}>{trigger}</Link>{' '}
              <span class="muted">{reason}</span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
