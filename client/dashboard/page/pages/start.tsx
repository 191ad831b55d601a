import { useMemo, useState } from 'preact/hooks';
import { useLocation, useSearch } from 'wouter-preact';
import type { PipelineForm } from '../../shapes.js';
import { act } from '../api.js';
import { type Field, fieldsOf, inputFrom } from '../input-form.js';
import { ErrorText } from '../parts/error-text.js';
import { runLink } from '../parts/links.js';
import { useSession } from '../parts/session.js';

export function StartPage() {
  const { pipelines } = useSession();
  const [, go] = useLocation();
  const given = new URLSearchParams(useSearch()).get('pipeline') ?? '';
  const pipeline = pipelines.find(({ name }) => name === given) ?? pipelines[0];
  if (pipeline === undefined) {
    return <p class="empty">The dashboard was started in a folder without a project, so it knows no pipelines.</p>;
  }
  return (
    <>
      <h1>Start a run</h1>
      <label class="narrow">
        Pipeline
        <select
          value={pipeline.name}
          onChange={(event) =>
            go(`/start?pipeline=${encodeURIComponent(event.currentTarget.value)}`, { replace: true })
          }
        >
          {pipelines.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {pipeline.description !== undefined && <p>{pipeline.description}</p>}
      <Form key={pipeline.name} pipeline={pipeline} />
    </>
  );
}

function Form({ pipeline }: { pipeline: PipelineForm }) {
  const [, go] = useLocation();
  const fields = useMemo(() => fieldsOf(pipeline.input), [pipeline]);
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [id, setId] = useState('');
  const [problem, setProblem] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    Promise.resolve()
      .then(() => inputFrom(fields, texts))
      .then((input) =>
        act<{ workflowId: string; runId: string }>('/api/runs', {
          pipeline: pipeline.name,
          input,
          ...(id === '' ? {} : { id }),
        }),
      )
      .then((started) => go(runLink(started)), setProblem)
      .finally(() => setBusy(false));
  };
  return (
    <form onSubmit={submit} class="narrow">
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          text={texts[field.name] ?? field.initial}
          onText={(text) => setTexts({ ...texts, [field.name]: text })}
        />
      ))}
      <label>
        Id of the run
        <input
          value={id}
          placeholder="made for you"
          maxLength={1_000}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </label>
      {problem !== undefined && <ErrorText error={problem} />}
      <button type="submit" aria-busy={isBusy} disabled={isBusy}>
        Start
      </button>
    </form>
  );
}

function FieldInput({ field, text, onText }: { field: Field; text: string; onText: (text: string) => void }) {
  const { name, kind, isRequired, description, options } = field;
  const label = (
    <>
      {name === '' ? 'Input (JSON)' : name} {!isRequired && <small>optional</small>}
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
