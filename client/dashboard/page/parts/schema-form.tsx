import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { type Field, fieldsOf, inputFrom } from '../input-form.js';
import { ErrorText } from './error-text.js';

interface SchemaFormProps {
  /** JSON schema; what it does not say is asked for as JSON. */
  readonly schema: unknown;
  /** What a value that is asked for as a whole is called. */
  readonly whole: string;
  readonly button: string;
  /** What it refuses is shown in the form. */
  readonly send: (value: unknown) => Promise<unknown>;
  /** Below the fields. */
  readonly children?: ComponentChildren;
}

export function SchemaForm({ schema, whole, button, send, children }: SchemaFormProps) {
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    Promise.resolve()
      .then(() => send(inputFrom(fields, texts)))
      .catch(setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit} class="narrow">
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          whole={whole}
          text={texts[field.name] ?? field.initial}
          onText={(text) => setTexts({ ...texts, [field.name]: text })}
        />
      ))}
      {children}
      {problem !== undefined && <ErrorText error={problem} />}
      <button type="submit" aria-busy={isBusy} disabled={isBusy}>
        {button}
      </button>
    </form>
  );
}

interface FieldInputProps {
  readonly field: Field;
  readonly whole: string;
  readonly text: string;
  readonly onText: (text: string) => void;
}

function FieldInput({ field, whole, text, onText }: FieldInputProps) {
  const { name, kind, isRequired, description, options } = field;
  const label = (
    <>
      {name === '' ? `${whole} (JSON)` : name} {!isRequired && <small>optional</small>}
      {description !== undefined && <small> {description}</small>}
    </>
  );
  if (kind === 'choice') {
    return (
      <label>
        {label}
        <select value={text} onChange={(event) => onText(event.currentTarget.value)}>
          {!isRequired && <option value="" />}
          {options.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    );
  }
  if (kind === 'json') {
    return (
      <label>
        {label}
        <textarea rows={5} spellcheck={false} value={text} onInput={(event) => onText(event.currentTarget.value)} />
      </label>
    );
  }
  return (
    <label>
      {label}
      <input
        type={kind === 'number' ? 'number' : 'text'}
        step="any"
        required={isRequired && kind === 'number'}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </label>
  );
}
