import { useState } from 'preact/hooks';
import { act } from '../api.js';
import { ErrorText } from './error-text.js';
import { useSession } from './session.js';

interface ActionProps<T> {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  /** Asked before it is done, in a dialog with a field for the reason. */
  readonly question?: string;
  readonly isStrong?: boolean;
  readonly onDone?: (answer: T) => void;
}

/** A button that has the server do something; what it answers, or refuses, is shown where the button is. */
export function Action<T = unknown>({ name, path, body, question, isStrong = false, onDone }: ActionProps<T>) {
  const { isReadOnly } = useSession();
  const [state, setState] = useState<'idle' | 'asked' | 'busy' | 'done'>('idle');
  const [problem, setProblem] = useState<unknown>();
  const [reason, setReason] = useState('');
  if (isReadOnly) return null;
  const go = () => {
    setState('busy');
    setProblem(undefined);
    act<T>(path, reason === '' ? body : { ...body, reason }).then(
      (answer) => {
        setState('done');
        onDone?.(answer);
        setTimeout(() => setState('idle'), 1_500);
      },
      (error: unknown) => {
        setState('idle');
        setProblem(error);
      },
    );
  };
  return (
    <span class="action">
      <button
        type="button"
        class={isStrong ? undefined : 'secondary outline'}
        aria-busy={state === 'busy'}
        disabled={state === 'busy'}
        onClick={() => (question === undefined ? go() : setState('asked'))}
      >
        {state === 'done' ? '✔ ' : ''}
        {name}
      </button>
      {problem !== undefined && <ErrorText error={problem} />}
      {state === 'asked' && (
        <dialog open aria-label={name}>
          <article>
            <p>{question}</p>
            <label>
              Why (recorded)
              <input value={reason} maxLength={1_000} onInput={(event) => setReason(event.currentTarget.value)} />
            </label>
            <footer>
              <button type="button" class="secondary" onClick={() => setState('idle')}>
                No
              </button>
              <button type="button" onClick={go}>
                {name}
              </button>
            </footer>
          </article>
        </dialog>
      )}
    </span>
  );
}
