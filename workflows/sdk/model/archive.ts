import { scheduleActivity } from '@temporalio/workflow';
import { jsonLength } from '../json-size.js';
import type { Artifact } from '../artifact.js';
import { builtIn } from '../protocol.js';
import type { KnownBatch } from './batch.js';
import type { ModelBook } from './book.js';
import type { DataState } from './data-state.js';
import type { ModelState, ModelVersion } from './model-state.js';
import { mostVersions } from './policy.js';

/** What a model's archive holds, as JSON. */
export interface ArchiveContent {
  /** Oldest first; the newest 500 KB. */
  readonly batches: readonly KnownBatch[];
  /** All, oldest first. */
  readonly versions: readonly ModelVersion[];
}

export interface ArchiveRequest extends ArchiveContent {
  readonly model: string;
  /** What it is added to. */
  readonly archive?: Artifact;
  /** SHA-256 of artifacts that garbage collection may take, whatever run records say of them. */
  readonly release: readonly string[];
}

export interface RecallRequest {
  readonly archive: Artifact;
  /** The newest so many. */
  readonly batches: number;
}

/** Fewer and larger writes: the archive is written again as a whole. */
const spareVersions = 10;
const mostUsedBytes = 45_000;
const keptUsedBytes = 25_000;

const activity = {
  startToCloseTimeout: 120_000,
  heartbeatTimeout: 10_000,
  retry: { maximumAttempts: 5, maximumInterval: 10_000 },
};

/**
 * What a model's state has no room for: old versions, and batches that were used long ago. They lie in one artifact, of
 * which the state knows the newest; an archive that is written twice is the same.
 */
export class ModelArchive {
  private isWriting = false;
  private isOpen = false;

  constructor(private readonly book: ModelBook) {}

  /** Not in the replay of an execution that began before there was an archive. */
  open(): void {
    this.isOpen = true;
  }

  /** Moves what is due, beside what else the model does; what cannot be written stays, and is tried with the next event. */
  tidy(): void {
    const due =
      this.isWriting || !this.isOpen ? undefined : archivable(this.book.state, this.book.policy.retention?.versions);
    if (due === undefined) return;
    this.isWriting = true;
    const { name, archive } = this.book.state;
    const request: ArchiveRequest = { model: name, ...(archive && { archive: archive.artifact }), ...due };
    const summary = `archive ${due.versions.length} versions and ${due.batches.length} batches of ${name}`;
    scheduleActivity<Artifact>(builtIn.archive, [request], { ...activity, summary })
      .then((artifact) => {
        this.book.state = archived(this.book.state, due, artifact);
      })
      .catch(() => undefined)
      .finally(() => {
        this.isWriting = false;
      });
  }

  /** The newest used batches, oldest first: so many, if so many are known. */
  async used(count: number): Promise<readonly KnownBatch[]> {
    const { data, archive, name } = this.book.state;
    const atHand = data?.used ?? [];
    if (count <= atHand.length || archive === undefined || archive.batches === 0) return atHand;
    const request: RecallRequest = { archive: archive.artifact, batches: count - atHand.length };
    const summary = `recall batches of ${name}`;
    const earlier = await scheduleActivity<KnownBatch[]>(builtIn.recall, [request], { ...activity, summary });
    return [...earlier, ...atHand];
  }
}

type Due = Pick<ArchiveRequest, 'versions' | 'batches' | 'release'>;

/** What is due to be archived; undefined while nothing is. */
export function archivable(state: ModelState, retained: number | undefined): Due | undefined {
  const versions = removable(state, retained ?? mostVersions);
  const areVersionsDue = versions.length >= (retained === undefined ? spareVersions : 1);
  const batches = olderThanKept(state.data);
  if (!areVersionsDue && batches.length === 0) return undefined;
  const gone = areVersionsDue ? versions : [];
  return { versions: gone, batches, release: retained === undefined ? [] : releasable(state, gone) };
}

/** All but the newest, the champion and the one before it, and what is being decided on. */
function removable({ versions, champion, former, comparison, promoting }: ModelState, kept: number): ModelVersion[] {
  const needed = new Set([champion, former?.at(-1), comparison?.version, promoting]);
  return versions
    .slice(0, Math.max(0, versions.length - kept))
    .filter(({ version, stage }) => !needed.has(version) && stage !== 'challenger');
}

/** Digests of what only these versions hold. */
function releasable({ versions }: ModelState, gone: readonly ModelVersion[]): string[] {
  const digests = (of: readonly ModelVersion[]) =>
    of.flatMap(({ artifact, trained }) =>
      [artifact, trained].flatMap((one) => (one === undefined ? [] : [one.sha256])),
    );
  const kept = new Set(digests(versions.filter((one) => !gone.includes(one))));
  return [...new Set(digests(gone))].filter((sha256) => !kept.has(sha256));
}

function olderThanKept(data: DataState | undefined): KnownBatch[] {
  const used = data?.used ?? [];
  let bytes = jsonLength(used);
  if (bytes <= mostUsedBytes) return [];
  const older: KnownBatch[] = [];
  for (const batch of used) {
    if (bytes <= keptUsedBytes) break;
    bytes -= jsonLength(batch) + 1;
    older.push(batch);
  }
  return older;
}

/** The archive has them; what has become of a version since then keeps it here, to be archived anew one day. */
export function archived(state: ModelState, due: Due, artifact: Artifact): ModelState {
  const { archive, data } = state;
  const needed = new Set(removable(state, 0).map(({ version }) => version));
  const gone = due.versions.filter(({ version }) => needed.has(version)).map(({ version }) => version);
  const ids = new Set(due.batches.map(({ id }) => id));
  return {
    ...state,
    versions: state.versions.filter(({ version }) => !gone.includes(version)),
    ...(data === undefined ? {} : { data: { ...data, used: data.used.filter(({ id }) => !ids.has(id)) } }),
    archive: {
      artifact,
      versions: (archive?.versions ?? 0) + gone.length,
      batches: (archive?.batches ?? 0) + due.batches.length,
    },
  };
}
