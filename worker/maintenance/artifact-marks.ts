import { type Artifact, directoryMediaType, forEachArtifact } from '../../workflows/sdk/artifact.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { manifestEntries } from '../../activities/sdk/store/directory.js';

const unreadable = ['SYSTEM_ARTIFACT_MISSING', 'SYSTEM_ARTIFACT_DAMAGED', 'USER_DATA_MALFORMED', 'USER_OPTION_INVALID'];

/** The digests that roots refer to, with the files of directories. */
export class ArtifactMarks {
  readonly unreadableManifests: { sha256: string; code: string }[] = [];
  readonly #store: ArtifactStore;
  readonly #marked = new Set<string>();
  readonly #released = new Set<string>();
  readonly #followed = new Set<string>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  has(sha256: string): boolean {
    return this.#marked.has(sha256);
  }

  /** From now on no root marks it. */
  release(sha256: string): void {
    this.#released.add(sha256);
  }

  /** Marks every artifact inside a JSON value. Throws when the store does not answer. */
  async mark(root: unknown): Promise<void> {
    const directories: Artifact[] = [];
    forEachArtifact(root, (artifact) => {
      if (this.#released.has(artifact.sha256)) return;
      this.#marked.add(artifact.sha256);
      if (artifact.mediaType === directoryMediaType) directories.push(artifact);
    });
    for (const directory of directories) await this.#follow(directory);
  }

  async #follow(directory: Artifact): Promise<void> {
    if (this.#followed.has(directory.sha256)) return;
    this.#followed.add(directory.sha256);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await this.#store.open(directory)) chunks.push(chunk as Uint8Array);
      for (const entry of manifestEntries(Buffer.concat(chunks))) this.#marked.add(entry.sha256);
    } catch (error) {
      if (!isEvertrainError(error) || !unreadable.includes(error.code)) throw error;
      this.unreadableManifests.push({ sha256: directory.sha256, code: error.code });
    }
  }
}
