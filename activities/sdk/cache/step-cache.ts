import { type Artifact, forEachArtifact } from '../../../workflows/sdk/artifact.js';
import { isEvertrainError } from '../../../workflows/sdk/errors.js';
import { canonicalJson, inputDigest } from '../canonical-json.js';
import { cacheEntryKey } from '../journal/keys.js';
import type { ArtifactStore, Journal } from '../ports.js';

/**
 * Outputs of earlier calls by what went into them. An entry is a journal document; the bytes that it refers to are in the
 * store, unprotected: when garbage collection takes them, the entry is a miss and goes too. A hit verifies every
 * artifact of the output, which also renews its grace period, so it is there when the run uses it.
 */
export interface StepCache {
  /** `undefined` for a miss: no entry, a malformed or too old one, or one whose artifacts are gone or damaged. */
  lookup(key: string, maxAgeMs?: number): Promise<CacheEntry | undefined>;
  store(key: string, entry: CacheEntry): Promise<void>;
}

export interface CacheEntry {
  readonly output: unknown;
  /** The step call that did the work. */
  readonly source: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
  /** Epoch ms. */
  readonly storedAt: number;
}

export interface CacheKeyParts {
  readonly step: string;
  /** The JSON that the step was called with. */
  readonly input: unknown;
  /** Digest of code and environment. */
  readonly fingerprint: string;
  readonly version?: string;
}

/**
 * The key of a call: SHA-256 (hex) of the canonical JSON of its parts. An artifact counts by its bytes only, not by who
 * produced it or which store holds it.
 */
export function cacheKey({ step, input, fingerprint, version }: CacheKeyParts): string {
  return inputDigest({ format: 1, step, input: input ?? null, fingerprint, version: version ?? null });
}

export function stepCache({ journal, store }: { journal: Journal; store: ArtifactStore }): StepCache {
  return {
    async lookup(key, maxAgeMs) {
      const entry = parseCacheEntry(await journal.get(cacheEntryKey(key)));
      if (entry === undefined) return undefined;
      if (maxAgeMs !== undefined && Date.now() - entry.storedAt > maxAgeMs) return undefined;
      const artifacts: Artifact[] = [];
      forEachArtifact(entry.output, (artifact) => artifacts.push(artifact));
      for (const artifact of artifacts) if (!(await isThere(store, artifact))) return undefined;
      return entry;
    },
    async store(key, { output, source, storedAt }) {
      await journal.put(cacheEntryKey(key), canonicalJson({ output: output ?? null, source, storedAt }));
    },
  };
}

/** An entry as it was stored, `undefined` when the text is not one. */
export function parseCacheEntry(text: string | undefined): CacheEntry | undefined {
  let entry: Partial<CacheEntry> | null;
  try {
    entry = JSON.parse(text ?? 'null') as Partial<CacheEntry> | null;
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null || !('output' in entry) || !Number.isFinite(entry.storedAt)) {
    return undefined;
  }
  const { workflowId, runId, stepId } = (entry.source ?? {}) as Record<string, unknown>;
  const sound = [workflowId, runId, stepId].every((id) => typeof id === 'string');
  return sound ? (entry as CacheEntry) : undefined;
}

async function isThere(store: ArtifactStore, artifact: Artifact): Promise<boolean> {
  const lost = ['SYSTEM_ARTIFACT_MISSING', 'SYSTEM_ARTIFACT_DAMAGED', 'USER_OPTION_INVALID', 'USER_DATA_MALFORMED'];
  try {
    await store.materialize(artifact);
    return true;
  } catch (error) {
    if (isEvertrainError(error) && lost.includes(error.code)) return false;
    throw error;
  }
}
