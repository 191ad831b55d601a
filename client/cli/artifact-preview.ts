import { open, readFile } from 'node:fs/promises';
import { literal, rowsOf, withDuckdb } from '../../activities/data/table-query.js';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { type Artifact, directoryMediaType } from '../../workflows/sdk/artifact.js';
import type { Preview } from '../dashboard/shapes.js';

const maxRows = 50;
const maxText = 64 * 1024;
const maxImage = 4 * 1024 * 1024;
/** One that is larger is not fetched to be looked at. */
const maxBytes = 256 * 1024 * 1024;

const readers: Readonly<Record<string, string>> = {
  'application/vnd.apache.parquet': 'read_parquet',
  'text/csv': 'read_csv',
};
const images = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** The beginning of an artifact, as people would look at it. An SVG, which may hold scripts, is shown as its text. */
export async function previewOf(store: ArtifactStore, artifact: Artifact): Promise<Preview> {
  const { mediaType, sizeBytes } = artifact;
  if (sizeBytes > maxBytes) return { kind: 'none', why: 'It is larger than 256 MiB.' };
  const [type = ''] = mediaType.split(';');
  const reader = readers[type];
  if (reader !== undefined) return table(reader, await store.materialize(artifact));
  if (images.has(type)) {
    if (sizeBytes > maxImage) return { kind: 'none', why: 'The image is larger than 4 MiB.' };
    const content = await readFile(await store.materialize(artifact));
    return { kind: 'image', mediaType: type, base64: content.toString('base64') };
  }
  const isText = type.startsWith('text/') || /(json|yaml|xml|javascript)$/.test(type);
  if (isText || type === directoryMediaType) return text(await store.materialize(artifact));
  return { kind: 'none', why: `There is no preview of ${type || 'this type'}.` };
}

function table(reader: string, path: string): Promise<Preview> {
  return withDuckdb(async (connection) => {
    const from = `${reader}(${literal(path)})`;
    const [{ total = 0 } = {}] = await rowsOf(connection, `SELECT count(*) AS total FROM ${from}`);
    const result = await connection.runAndReadAll(`SELECT * FROM ${from} LIMIT ${maxRows}`);
    const columns = result.columnNames();
    const rows = result.getRowsJson() as unknown[][];
    return { kind: 'table', columns, rows, total: Number(total) };
  });
}

async function text(path: string): Promise<Preview> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxText + 1), 0, maxText + 1);
    return { kind: 'text', text: buffer.toString('utf8', 0, Math.min(bytesRead, maxText)), isCut: bytesRead > maxText };
  } finally {
    await file.close();
  }
}
