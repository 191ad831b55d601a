import { Link, useLocation } from 'wouter-preact';
import type { ScheduleView } from '../../../schedules/schedules.js';
import { time } from '../format.js';
import { Action } from '../parts/action.js';
import { runLink } from '../parts/links.js';
import { LivePage } from '../parts/live-page.js';
import { When } from '../parts/when.js';

export function SchedulesPage() {
  return (
    <LivePage<readonly ScheduleView[]> title="Schedules" url="/api/schedules/live">
      {(schedules) => (
        <>
          {schedules.length === 0 && (
            <p class="empty">
              There are no schedules: declare one beside a pipeline and run <code>evertrain schedules apply</code>.
            </p>
          )}
          <div class="cards wide">
            {schedules.map((schedule) => (
              <Card key={schedule.name} schedule={schedule} />
            ))}
          </div>
        </>
      )}
    </LivePage>
  );
}

function Card({ schedule }: { schedule: ScheduleView }) {
  const { name, rules, paused, next, recent, running, missed, skipped, runs } = schedule;
  const [, go] = useLocation();
  return (
    <article class="card">
      <div class="title">
        <h2>{name}</h2>
        {paused !== undefined && (
          <span class="tag wait" title={paused.reason}>
            paused: {paused.reason}
          </span>
        )}
        <span class="spacer" />
        {paused === undefined ? (
          <Action
            name="Pause"
            path="/api/schedule/pause"
            body={{ name }}
            question={`Start no more runs by “${name}”, until it is resumed?`}
          />
        ) : (
          <Action name="Resume" path="/api/schedule/resume" body={{ name }} />
        )}
        <Action<{ workflowId: string; runId: string }>
          name="Run now"
          path="/api/schedule/trigger"
          body={{ name }}
          onDone={(started) => go(runLink(started))}
        />
      </div>
      {rules !== undefined && <code class="text">{JSON.stringify(rules)}</code>}
      <p class="facts">
        <span>{runs} runs</span>
        {missed > 0 && <span class="tag bad">{missed} missed</span>}
        {skipped > 0 && <span>{skipped} skipped</span>}
        {running.length > 0 && <span class="tag live">{running.length} open</span>}
      </p>
      <div class="columns">
        <section>
          <h3>Next</h3>
          <ul>
            {next.slice(0, 5).map((at) => (
              <li key={at}>
                {time(at)}{' '}
                <span class="muted">
                  (<When at={at} />)
                </span>
              </li>
            ))}
          </ul>
        </section>
        <section>
          <h3>Newest runs</h3>
          <ul>
            {[...recent]
              .reverse()
              .slice(0, 5)
              .map((run) => (
                <li key={run.runId}>
                  <Link href={runLink(run)}>{run.workflowId}</Link> <When at={run.startedAt} />
                </li>
              ))}
          </ul>
        </section>
      </div>
    </article>
  );
}
