import { useState } from 'preact/hooks';
import type { VariablesAnswer, VariableView } from '../../shapes.js';
import { act } from '../api.js';
import { plain } from '../format.js';
import { ErrorText } from '../parts/error-text.js';
import { LivePage } from '../parts/live-page.js';
import { useSession } from '../parts/session.js';
import { When } from '../parts/when.js';

/** What people change without a deployment, and who did. */
export function VariablesPage() {
  return (
    <LivePage<VariablesAnswer> title="Variables" url="/api/variables/live">
      {({ variables, changes }) => (
        <>
          {variables.length === 0 ? (
            <p class="empty">
              There are none: declare one with <code>variable('min-accuracy', 0.9)</code>, in the project in whose
              folder the dashboard is started.
            </p>
          ) : (
            <p class="muted">A run keeps the value that it reads first; those that read from now on see a new one.</p>
          )}
          {variables.length > 0 && <Values variables={variables} />}
          {changes.length > 0 && <Changes changes={changes} />}
        </>
      )}
    </LivePage>
  );
}

function Values({ variables }: { variables: readonly VariableView[] }) {
  const { isReadOnly } = useSession();
  return (
    <div class="scroll">
      <table class="variables">
        <thead>
          <tr>
            <th>Variable</th>
            <th>Value</th>
            <th>Default</th>
            <th>Set by</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {variables.map((one) => (
            <tr key={one.name}>
              <td>
                <span class="id">{one.name}</span>
                {one.description !== undefined && <div class="muted">{one.description}</div>}
              </td>
              <td class="text num">{plain(one.value)}</td>
              <td class="text num muted">{plain(one.default)}</td>
              <td>
                {one.setAt !== undefined && (
                  <>
                    {one.setBy}{' '}
                    <span class="muted">
                      <When at={Date.parse(one.setAt)} />
                    </span>
                  </>
                )}
              </td>
              <td>{!isReadOnly && <Edit key={plain(one.value)} variable={one} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A text where the default is one; else JSON, as the value is shown. */
function Edit({ variable: { name, value, default: fallback, setAt } }: { variable: VariableView }) {
  const [text, setText] = useState<string>();
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const go = (path: string, body: () => object) => {
    setBusy(true);
    setProblem(undefined);
    Promise.resolve()
      .then(() => act(path, body()))
      .then(() => setText(undefined), setProblem)
      .finally(() => setBusy(false));
  };
  if (text === undefined) {
    return (
      <span class="action">
        <button
          type="button"
          class="secondary outline"
          aria-label={`Change ${name}`}
          onClick={() => setText(plain(value))}
        >
          Change
        </button>{' '}
        {setAt !== undefined && (
          <button
            type="button"
            class="secondary outline"
            aria-label={`Give ${name} its default`}
            aria-busy={isBusy}
            onClick={() => go('/api/variable/unset', () => ({ name }))}
          >
            Default
          </button>
        )}
        {problem !== undefined && <ErrorText error={problem} />}
      </span>
    );
  }
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    go('/api/variable/set', () => ({ name, value: typeof fallback === 'string' ? text : parsed(text) }));
  };
  return (
    <form class="edit" onSubmit={save}>
      <Input name={name} fallback={fallback} text={text} setText={setText} />
      <button type="submit" aria-busy={isBusy} disabled={isBusy}>
        Save
      </button>
      <button type="button" class="secondary" onClick={() => setText(undefined)}>
        Leave it
      </button>
      {problem !== undefined && <ErrorText error={problem} />}
    </form>
  );
}

interface InputProps {
  readonly name: string;
  readonly fallback: unknown;
  readonly text: string;
  readonly setText: (text: string) => void;
}

function Input({ name, fallback, text, setText }: InputProps) {
  const common = { value: text, 'aria-label': `New value of ${name}` };
  if (typeof fallback === 'boolean') {
    return (
      <select {...common} onChange={(event) => setText(event.currentTarget.value)}>
        <option>true</option>
        <option>false</option>
      </select>
    );
  }
  return (
    <input
      {...common}
      type={typeof fallback === 'number' ? 'number' : 'text'}
      step="any"
      spellcheck={false}
      onInput={(event) => setText(event.currentTarget.value)}
    />
  );
}

function Changes({ changes }: { changes: VariablesAnswer['changes'] }) {
  return (
    <>
      <h2>Who changed what</h2>
      <ul>
        {changes.map(({ name, by, at, ...change }) => (
          <li key={`${at} ${name}`}>
            <When at={Date.parse(at)} /> <b>{by}</b>{' '}
            {'value' in change ? (
              <>
                set {name} to <span class="num">{plain(change.value)}</span>
              </>
            ) : (
              `gave ${name} its default again`
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`${text === '' ? 'Nothing' : text} is not JSON.`);
  }
}
