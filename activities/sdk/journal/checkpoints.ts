import { type Artifact, isArtifact } from '../../../workflows/sdk/artifact.js';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import { canonicalJson } from '../canonical-json.js';
import type { Checkpoint, CheckpointMeta, Checkpoints } from '../context.js';
import type { ArtifactStore } from '../ports.js';
import type { FencedLog, LogBody, LogEntry } from './fenced-log.js';

type CheckpointBody = LogBody & {
  readonly kind: 'checkpoint';
  readonly sequence: number;
  readonly artifact: Artifact;
  readonly meta: CheckpointMeta;
};

export type CheckpointEntry = CheckpointBody & LogEntry;

/**
 * The checkpoints of a step over its fenced log. With the store at hand, `save` refuses a pointer to bytes that are not
 * there, and `load` goes back past checkpoints whose bytes are gone or damaged: losing an epoch is better than failing
 * every attempt.
 */
export function openCheckpoints(log: FencedLog, artifacts?: Pick<ArtifactStore, 'has' | 'materialize'>): Checkpoints {
  let newest: CheckpointEntry | undefined;
  let saving: Promise<unknown> = Promise.resolve();

  async function saveNext(artifact: Artifact, meta: CheckpointMeta): Promise<Checkpoint> {
    canonicalJson(meta);
    if (artifacts !== undefined && !(await artifacts.has(artifact.sha256))) throw missing(artifact);
    const before = newest ?? (await findNewest(log));
    newest = await log.append((passed): CheckpointBody => {
      const last = passed.filter(isCheckpoint).at(-1) ?? before;
      return { kind: 'checkpoint', sequence: (last?.sequence ?? 0) + 1, artifact, meta };
    });
    return asCheckpoint(newest);
  }

  return {
    async load() {
      for await (const entry of log.backwards()) {
        if (isCheckpoint(entry) && (await isUsable(entry.artifact, artifacts))) return asCheckpoint(entry);
      }
      return undefined;
    },
    save(artifact, meta = {}) {
      // One after the other: what one appends, the next must know of.
      const saved = saving.then(() => saveNext(artifact, meta));
      saving = saved.catch(() => undefined);
      return saved;
    },
  };
}

export function isCheckpoint(entry: LogEntry): entry is CheckpointEntry {
  return entry.kind === 'checkpoint' && isArtifact(entry['artifact']) && typeof entry['sequence'] === 'number';
}

async function findNewest(log: FencedLog): Promise<CheckpointEntry | undefined> {
  for await (const entry of log.backwards()) if (isCheckpoint(entry)) return entry;
  return undefined;
}

/** False when its bytes are gone or damaged. */
export async function isUsable(artifact: Artifact, artifacts: Pick<ArtifactStore, 'materialize'> | undefined) {
  try {
    await artifacts?.materialize(artifact);
    return true;
  } catch (error) {
    const lost = ['SYSTEM_ARTIFACT_MISSING', 'SYSTEM_ARTIFACT_DAMAGED'];
    if (isEvertrainError(error) && lost.includes(error.code)) return false;
    throw error;
  }
}

export function asCheckpoint({ artifact, meta, sequence, attempt }: CheckpointEntry): Checkpoint {
  return { artifact, meta, sequence, attempt };
}

function missing(artifact: Artifact): EvertrainError {
  return new EvertrainError('SYSTEM_ARTIFACT_MISSING', `The checkpoint ${artifact.uri} is not in the store.`, {
    value: artifact.uri,
    remedy: 'Store the file first, and save the reference that the store returned.',
  });
}
