import type { Artifact } from '../../../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';

/** The digest, checked before any path is made of it; USER_OPTION_INVALID otherwise. */
export function checkSha256(sha256: string): string {
  if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256)) return sha256;
  throw new EvertrainError('USER_OPTION_INVALID', `${show(sha256)} is not a SHA-256 digest.`, {
    value: sha256,
    remedy: 'Pass the 64 lower-case hex digits of an artifact reference.',
  });
}

/** The digest of a reference that belongs to the store with this scheme; USER_OPTION_INVALID otherwise. */
export function checkReference(artifact: Artifact, scheme: string): string {
  const sha256 = checkSha256(artifact.sha256);
  const [, from, digest] = /^([a-z][a-z0-9]*):sha256\/([0-9a-f]{64})$/.exec(artifact.uri) ?? [];
  if (from === undefined || digest !== sha256) {
    throw new EvertrainError('USER_OPTION_INVALID', `${show(artifact.uri)} is not the uri of artifact ${sha256}.`, {
      value: artifact,
      remedy: 'Pass the reference as the store returned it.',
    });
  }
  if (from !== scheme) {
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `Artifact ${artifact.uri} is in a "${from}" store, and this worker reads the "${scheme}" store.`,
      { value: artifact.uri, remedy: `Configure the "${from}" store, or run the step that wrote the artifact again.` },
    );
  }
  return sha256;
}

export function artifactMissing(sha256: string, where: string): EvertrainError {
  return new EvertrainError('SYSTEM_ARTIFACT_MISSING', `Artifact ${sha256} is not in the store at ${where}.`, {
    value: sha256,
    remedy: 'Run the step that wrote it again, or restore the store from a backup.',
  });
}

export function artifactDamaged(sha256: string, where: string): EvertrainError {
  return new EvertrainError('SYSTEM_ARTIFACT_DAMAGED', `The bytes at ${where} no longer have the digest ${sha256}.`, {
    value: where,
    remedy: 'Run the step that wrote it again (storing the same bytes repairs it), or restore the store from a backup.',
  });
}
