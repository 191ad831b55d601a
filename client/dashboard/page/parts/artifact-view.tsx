import { useEffect, useState } from 'preact/hooks';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import type { Preview } from '../../shapes.js';
import { ask } from '../api.js';
import { plain } from '../format.js';
import { ErrorText } from './error-text.js';

/** The beginning of what an artifact holds. */
export function ArtifactView({ artifact }: { artifact: Artifact }) {
  const [preview, setPreview] = useState<Preview>();
  const [problem, setProblem] = useState<unknown>();
  const { uri, sha256, mediaType, sizeBytes } = artifact;
  useEffect(() => {
    ask<Preview>('/api/artifact', { uri, sha256, mediaType, sizeBytes }).then(setPreview, setProblem);
  }, [sha256]);
  if (problem !== undefined) return <ErrorText error={problem} />;
  if (preview === undefined) return <p aria-busy="true" class="waiting" />;
  switch (preview.kind) {
    case 'none':
      return <p class="muted">{preview.why}</p>;
    case 'text':
      return (
        <pre class="preview" tabIndex={0}>
          {preview.text}
          {preview.isCut && '\n…'}
        </pre>
      );
    case 'image':
      return <img class="preview" src={`data:${preview.mediaType};base64,${preview.base64}`} alt="The artifact" />;
    case 'table':
      return (
        <div class="scroll preview" tabIndex={0} role="region" aria-label="Table">
          <table>
            <thead>
              <tr>
                {preview.columns.map((name) => (
                  <th key={name}>{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {preview.rows.map((row, n) => (
                <tr key={n}>
                  {row.map((cell, at) => (
                    <td key={at}>{cell === null ? <span class="muted">null</span> : plain(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          <p class="muted">
            {preview.rows.length.toLocaleString()} of {preview.total.toLocaleString()} rows
          </p>
        </div>
      );
  }
}
