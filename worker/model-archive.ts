import { json } from 'node:stream/consumers';
import { releasedKey } from '../activities/sdk/journal/keys.js';
import type { ArtifactStore } from '../activities/sdk/ports.js';
import type { StepServices } from '../activities/sdk/services.js';
import type { Artifact } from '../workflows/sdk/artifact.js';
import type { ArchiveContent, ArchiveRequest, RecallRequest } from '../workflows/sdk/model/archive.js';
import type { KnownBatch } from '../workflows/sdk/model/batch.js';
import { newest } from '../workflows/sdk/model/data.js';

/** A window of them, and the input made of it, must fit into the start of a run. */
const mostBatchBytes = 500_000;

/** The archive that an earlier one becomes by what is added; the same again where it is asked for twice. */
export async function writeArchive(
  { store, journal }: Pick<StepServices, 'store' | 'journal'>,
  { model, archive, batches, versions, release }: ArchiveRequest,
): Promise<Artifact> {
  const before = await readArchive(store, archive);
  const added = new Set(versions.map(({ version }) => version));
  const content: ArchiveContent = {
    batches: newest([...before.batches, ...batches], mostBatchBytes),
    // One that stayed in the state when it was written first may have another stage by now.
    versions: [...before.versions.filter(({ version }) => !added.has(version)), ...versions],
  };
  const written = await store.put(Buffer.from(JSON.stringify(content)), 'application/json');
  for (const sha256 of release) await journal.put(releasedKey(sha256), JSON.stringify({ model }));
  return written;
}

/** The newest batches of an archive, oldest first. */
export async function recallBatches(
  { store }: Pick<StepServices, 'store'>,
  { archive, batches }: RecallRequest,
): Promise<readonly KnownBatch[]> {
  return (await readArchive(store, archive)).batches.slice(-batches);
}

/** What an archive holds; nothing, where there is none. */
export async function readArchive(store: ArtifactStore, archive: Artifact | undefined): Promise<ArchiveContent> {
  if (archive === undefined) return { batches: [], versions: [] };
  return (await json(await store.open(archive))) as ArchiveContent;
}
