import { useState } from 'preact/hooks';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { bytes, number, plain } from '../format.js';
import { ArtifactView } from './artifact-view.js';

const mostEntries = 100;
const longText = 400;

/** Any JSON value, the large ones folded; artifacts can be looked into. */
export function ValueView({ value, depth = 0 }: { value: unknown; depth?: number }) {
  if (isArtifact(value)) return <ArtifactValue artifact={value} />;
  if (value === null || value === undefined) return <span class="muted">{String(value)}</span>;
  if (typeof value === 'number') return <span class="num">{number(value)}</span>;
  if (typeof value === 'string') return <Text text={value} />;
  if (typeof value !== 'object') return <span>{plain(value)}</span>;
  const entries = Object.entries(value);
  if (entries.length === 0) return <span class="muted">{Array.isArray(value) ? '[]' : '{}'}</span>;
  const shown = entries.slice(0, mostEntries);
  const table = (
    <dl class="value">
      {shown.map(([name, inner]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <ValueView value={inner} depth={depth + 1} />
          </dd>
        </div>
      ))}
      {entries.length > shown.length && (
        <div class="muted">and {(entries.length - shown.length).toLocaleString()} more</div>
      )}
    </dl>
  );
  if (depth < 1) return table;
  const words = Array.isArray(value) ? `${entries.length} items` : entries.map(([name]) => name).join(', ');
  return (
    <details>
      <summary>{words.length > 60 ? `${words.slice(0, 60)}…` : words}</summary>
      {table}
    </details>
  );
}

function Text({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(text.length <= longText);
  return (
    <span class="text">
      {isWhole ? text : text.slice(0, longText)}
      {!isWhole && (
        <button type="button" class="plain" onClick={() => setWhole(true)}>
          … {bytes(text.length)}
        </button>
      )}
    </span>
  );
}

function isArtifact(value: unknown): value is Artifact {
  if (typeof value !== 'object' || value === null) return false;
  const { uri, sha256, mediaType } = value as Partial<Artifact>;
  return typeof uri === 'string' && typeof sha256 === 'string' && typeof mediaType === 'string';
}

function ArtifactValue({ artifact }: { artifact: Artifact }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <span class="artifact">
      <button type="button" class="chip" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        ▤ {artifact.mediaType.replace(/^application\/(vnd\.)?/, '')} · {bytes(artifact.sizeBytes)}
      </button>{' '}
      <code title={artifact.uri}>{artifact.sha256.slice(0, 10)}</code>
      {isOpen && <ArtifactView artifact={artifact} />}
    </span>
  );
}
