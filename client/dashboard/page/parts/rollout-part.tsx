import { Link } from 'wouter-preact';
import type { GuardFacts } from '../../../../workflows/sdk/model/rollout-guards.js';
import type { RolloutView } from '../../../model-rollout.js';
import { number } from '../format.js';
import { Action } from './action.js';
import { runLink } from './links.js';
import { When } from './when.js';

/** How the requests are shared, which stage it is, and what speaks against the challenger. */
export function RolloutPart({ rollout, model }: { rollout: RolloutView; model: string }) {
  const { workflowId, champion, challenger, stages, heldUntil, minRequests, facts } = rollout;
  const missing = minRequests - (facts?.requests ?? 0);
  return (
    <section class="rollout" aria-label={`Rollout of version ${challenger}`}>
      <div class="title">
        <h2>
          Version {challenger} takes over from {champion} <Link href={runLink({ workflowId })}>its run ↗</Link>
        </h2>
        <span class="spacer" />
        <Action
          name="Promote now"
          path="/api/model/promote-now"
          body={{ name: model, version: challenger }}
          question={`Give version ${challenger} all requests, without the stages that are left?`}
        />
      </div>
      <Shares rollout={rollout} />
      <ol class="stages" aria-label="Stages">
        {stages.map(({ label, state }, n) => (
          <li
            key={n}
            class={`stage-step ${state.replace(' ', '-')}`}
            aria-current={state === 'now' ? 'step' : undefined}
          >
            <span aria-hidden="true">{signs[state]}</span> {label} <span class="unseen">{state}</span>
          </li>
        ))}
      </ol>
      {heldUntil !== undefined && (
        <p class="muted">
          This stage ends <When at={heldUntil} />
          {missing > 0 && `, when ${number(missing)} more requests have been computed at the earliest`}, unless a guard
          speaks.
        </p>
      )}
      <Guards rollout={rollout} />
    </section>
  );
}

const signs = { held: '✔', now: '●', 'to come': '○', 'taken back': '✖' } as const;

function Shares({ rollout }: { rollout: RolloutView }) {
  const { champion, challenger, percent, isShadow, isChanging, facts } = rollout;
  if (percent === undefined) return <p class="muted">The model server is being told of it.</p>;
  const requests = (count: number | undefined) => (count === undefined ? '' : ` · ${count.toLocaleString()} requests`);
  const rest = isShadow ? 100 : 100 - percent;
  return (
    <>
      <div class="shares" aria-hidden="true">
        <i class="share-champion" style={{ width: `${rest}%` }} />
        <i class={isShadow ? 'share-shadow' : 'share-challenger'} style={{ width: `${percent}%` }} />
      </div>
      <p class="facts">
        <span>
          <i class="part share-champion" /> version {champion} <b class="num">{rest} %</b>
          {requests(facts?.championRequests)}
        </span>
        <span>
          <i class={isShadow ? 'part share-shadow' : 'part share-challenger'} /> version {challenger}{' '}
          <b class="num">{percent} %</b>
          {isShadow && ' in the shadow: nobody gets its answers'}
          {requests(facts?.requests)}
        </span>
        {isChanging && <span class="tag live">is being changed</span>}
      </p>
    </>
  );
}

interface GuardRow {
  readonly name: string;
  readonly of: GuardFacts | undefined;
  readonly champion?: number | undefined;
  readonly show: (value: number) => string;
  /** Where nothing was counted yet. */
  readonly limit: string;
}

function Guards({ rollout: { guards, facts } }: { rollout: RolloutView }) {
  const share = (value: number) => `${number(100 * value)} %`;
  const { errorRate, p95Ms, metric } = guards;
  const rows: GuardRow[] = [
    ...(errorRate === undefined
      ? []
      : [{ name: 'requests that fail', of: facts?.errorRate, show: share, limit: share(errorRate) }]),
    ...(p95Ms === undefined
      ? []
      : [
          {
            name: `requests above ${Math.round(facts?.p95Ms?.aboveMs ?? p95Ms)} ms`,
            of: facts?.p95Ms,
            show: share,
            limit: share(0.05),
          },
        ]),
    ...(metric === undefined
      ? []
      : [
          {
            name: `${metric.name} of labels`,
            of: facts?.metric,
            champion: facts?.metric?.champion,
            show: number,
            limit: `${number(metric.worseBy ?? 0)} worse`,
          },
        ]),
  ];
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Guards">
      <table class="guards">
        <thead>
          <tr>
            <th>Guard</th>
            <th class="right">Challenger</th>
            <th class="right">Champion</th>
            <th class="right">Allowed</th>
            <th class="right">Counted</th>
            <th>Speaks against it</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, of, champion, show, limit }) => (
            <tr key={name}>
              <td>{name}</td>
              <td class="right num">{of?.value === undefined ? '–' : show(of.value)}</td>
              <td class="right num">{champion === undefined ? '' : show(champion)}</td>
              <td class="right num">{of?.limit === undefined ? limit : show(of.limit)}</td>
              <td class="right num">{of?.count.toLocaleString() ?? '–'}</td>
              <td>
                <meter
                  min={0}
                  max={1}
                  low={0.5}
                  high={0.8}
                  optimum={0}
                  value={of?.evidence ?? 0}
                  aria-label={`Evidence against it by ${name}`}
                />{' '}
                <span class="num">{Math.floor(100 * (of?.evidence ?? 0))} %</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
