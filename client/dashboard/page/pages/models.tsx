import { Link } from 'wouter-preact';
import type { ModelSummary } from '../../../model-summaries.js';
import { urlOf } from '../api.js';
import { number } from '../format.js';
import { LivePage } from '../parts/live-page.js';

export function ModelsPage() {
  return (
    <LivePage<readonly ModelSummary[]> title="Models" url="/api/models/live">
      {(models) => (
        <>
          {models.length === 0 && (
            <p class="empty">
              There are no models yet: the first training makes one, by <code>evertrain model train</code> or from your
              application.
            </p>
          )}
          <div class="cards">
            {models.map((model) => (
              <Card key={model.name} {...model} />
            ))}
          </div>
        </>
      )}
    </LivePage>
  );
}

function Card({ name, state }: ModelSummary) {
  const champion = state?.versions.find(({ version }) => version === state.champion);
  return (
    <article class="card">
      <h2>
        <Link href={urlOf('/model', { name })}>{name}</Link>
      </h2>
      {state === undefined && <p class="note">No worker answers for it.</p>}
      {state !== undefined && (
        <>
          <p>
            {champion === undefined ? 'no champion yet' : `version ${champion.version} serves`}
            <span class="muted"> of {state.versions.length + (state.archive?.versions ?? 0)}</span>
          </p>
          <p class="metrics">
            {Object.entries(champion?.metrics ?? {}).map(([metric, value]) => (
              <span key={metric}>
                {metric} <b class="num">{number(value)}</b>
              </span>
            ))}
          </p>
          <p>
            {state.paused !== undefined && <span class="tag wait">paused</span>}
            {state.training !== undefined && <span class="tag live">trains</span>}
            {state.comparison !== undefined && (
              <span class="tag live">compares version {state.comparison.version}</span>
            )}
            {state.rollout !== undefined && <span class="tag live">rolls out version {state.rollout.version}</span>}
            {state.driftCheck !== undefined && <span class="tag live">checks for drift</span>}
            {state.drift?.records.at(-1)?.isDrifted === true && <span class="tag bad">drifted</span>}
          </p>
        </>
      )}
    </article>
  );
}
