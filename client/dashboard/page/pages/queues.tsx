import type { PoolState } from '../../../../workflows/sdk/pools/messages.js';
import type { QueueBacklog } from '../../../queue-backlogs.js';
import type { QueuesAnswer } from '../../shapes.js';
import { duration, plural } from '../format.js';
import { runLink } from '../parts/links.js';
import { LivePage } from '../parts/live-page.js';

export function QueuesPage() {
  return (
    <LivePage<QueuesAnswer> title="Queues" url="/api/queues/live">
      {({ queues, pools }) => (
        <>
          <Backlogs queues={queues} />
          {pools.length > 0 && (
            <>
              <h2>Pools</h2>
              <div class="cards">
                {pools.map(({ id, state }) => (
                  <Pool key={id} id={id} state={state} />
                ))}
              </div>
            </>
          )}
        </>
      )}
    </LivePage>
  );
}

function Backlogs({ queues }: { queues: readonly QueueBacklog[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Queues">
      <table>
        <thead>
          <tr>
            <th>Queue</th>
            <th>Holds</th>
            <th class="right">Waiting</th>
            <th class="right">Longest</th>
            <th class="right">In, a second</th>
            <th class="right">Out, a second</th>
            <th>Workers</th>
          </tr>
        </thead>
        <tbody>
          {queues.map(({ queue, kind, waiting, oldestSeconds, added, taken, workers }) => (
            <tr key={`${queue} ${kind}`}>
              <td class="id">{queue}</td>
              <td>{kind}</td>
              <td class="right num">{waiting.toLocaleString()}</td>
              <td class="right num">{waiting === 0 ? '' : duration(oldestSeconds * 1_000)}</td>
              <td class="right num">{added}</td>
              <td class="right num">{taken}</td>
              <td>
                {workers > 0 ? (
                  plural(workers, 'worker')
                ) : (
                  <span class={waiting > 0 ? 'tag bad' : 'muted'}>no worker in the last 5 minutes</span>
                )}
                {workers === 0 && waiting > 0 && (
                  <div class="muted">
                    Start one: <code>evertrain worker --queues {queue}=1</code>
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Pool({ id, state }: { id: string; state?: PoolState | undefined }) {
  const name = id.split('/').at(-1);
  if (state === undefined) {
    return (
      <article class="card">
        <h3>{name}</h3>
        <p class="note">No worker answers for it.</p>
      </article>
    );
  }
  const runs = Object.values(state.runs);
  const holders = runs.flatMap((run) => run.holds.map(({ stepId }) => ({ run: run.workflowId, stepId })));
  const waiting = runs.flatMap((run) =>
    run.waits.map(({ stepId, priority, order }) => ({ run: run.workflowId, stepId, priority, order })),
  );
  const limit = state.rules?.limit ?? 0;
  return (
    <article class="card">
      <h3>{name}</h3>
      <p>
        <meter min={0} max={Math.max(1, limit)} value={holders.length} aria-label="Places taken" /> {holders.length} of{' '}
        {limit} taken, {waiting.length.toLocaleString()} wait
      </p>
      <ul>
        {holders.map(({ run, stepId }) => (
          <li key={`${run} ${stepId}`}>
            <a href={runLink({ workflowId: run })}>{run}</a> {stepId}
          </li>
        ))}
      </ul>
      {waiting.length > 0 && (
        <details>
          <summary>who waits</summary>
          <ol>
            {waiting
              .sort((a, b) => a.priority - b.priority || a.order - b.order)
              .slice(0, 50)
              .map(({ run, stepId, priority }) => (
                <li key={`${run} ${stepId}`}>
                  <a href={runLink({ workflowId: run })}>{run}</a> {stepId}{' '}
                  <span class="muted">priority {priority}</span>
                </li>
              ))}
          </ol>
        </details>
      )}
    </article>
  );
}
