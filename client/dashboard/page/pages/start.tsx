import { useState } from 'preact/hooks';
import { useLocation, useSearch } from 'wouter-preact';
import type { PipelineForm } from '../../shapes.js';
import { act } from '../api.js';
import { runLink } from '../parts/links.js';
import { SchemaForm } from '../parts/schema-form.js';
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
  const [id, setId] = useState('');
  const start = async (input: unknown) => {
    const order = { pipeline: pipeline.name, input, ...(id === '' ? {} : { id }) };
    go(runLink(await act<{ workflowId: string; runId: string }>('/api/runs', order)));
  };
  return (
    <SchemaForm schema={pipeline.input} whole="Input" button="Start" send={start}>
      <label>
        Id of the run
        <input
          value={id}
          placeholder="made for you"
          maxLength={1_000}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </label>
    </SchemaForm>
  );
}
