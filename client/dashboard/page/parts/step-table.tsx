import { useMemo, useState } from 'preact/hooks';
import type { RunView } from '../../../history/run-view.js';
import { number } from '../format.js';
import { Status } from './status.js';
import { Took } from './when.js';

/** Every step in the order of its call, as a list that can be searched. */
export function StepTable({
  view,
  chosen,
  choose,
}: {
  view: RunView;
  chosen: string | undefined;
  choose: (id: string) => void;
}) {
  const [text, setText] = useState('');
  const shown = useMemo(
    () => (text === '' ? view.steps : view.steps.filter(({ id, status }) => id.includes(text) || status === text)),
    [view.steps, text],
  );
  return (
    <>
      <input
        type="search"
        aria-label="Find steps"
        placeholder="Find by id, or a status"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <div class="scroll">
        <table class="steps">
          <thead>
            <tr>
              <th>Status</th>
              <th>Step</th>
              <th>Queue</th>
              <th class="right">Attempt</th>
              <th>Metrics</th>
              <th class="right">Took</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((step) => (
              <tr key={step.id} class={step.id === chosen ? 'chosen' : undefined}>
                <td>
                  <Status of={step.status} />
                </td>
                <td class="id">
                  <button type="button" class="plain" onClick={() => choose(step.id)}>
                    {step.id}
                  </button>
                </td>
                <td>{step.queue}</td>
                <td class="right num">{step.attempt}</td>
                <td class="muted">
                  {Object.entries(step.metrics)
                    .slice(0, 3)
                    .map(([name, value]) => `${name} ${number(value)}`)
                    .join('  ')}
                </td>
                <td class="right">
                  <Took from={step.scheduledAt} to={'endedAt' in step ? step.endedAt : undefined} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
