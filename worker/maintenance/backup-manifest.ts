import { EvertrainError } from '../../workflows/sdk/errors.js';

/** The file in a backup that lists all others. */
export const manifestName = 'backup.json';

export interface BackupFile {
  /** `/`-separated, below the data folder. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface BackupManifest {
  readonly version: 1;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly files: readonly BackupFile[];
  readonly damaged: readonly string[];
}

/** The manifest of a backup; USER_FILE_NOT_FOUND where there is none, USER_DATA_MALFORMED where it is not one. */
export function parseManifest(from: string, text: string | undefined): BackupManifest {
  if (text === undefined) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `${from} is not a backup: it has no ${manifestName}.`, {
      value: from,
      remedy: 'Pass a folder that `evertrain backup` wrote.',
    });
  }
  let manifest: Partial<BackupManifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<BackupManifest> | null;
  } catch {
    manifest = null;
  }
  if (manifest?.version === 1 && Array.isArray(manifest.files) && manifest.files.every(isBackupFile)) {
    return { damaged: [], createdAt: '', ...manifest } as BackupManifest;
  }
  throw new EvertrainError('USER_DATA_MALFORMED', `${from}/${manifestName} is not a manifest of version 1.`, {
    value: from,
    remedy: 'Restore with the version of Evertrain that made the backup, or from another backup.',
  });
}

function isBackupFile(file: unknown): boolean {
  const { path, sha256, sizeBytes } = (file ?? {}) as Partial<Record<keyof BackupFile, unknown>>;
  return (
    typeof path === 'string' &&
    !/[\\\0]/.test(path) &&
    path.split('/').every((part) => !['', '.', '..'].includes(part)) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(sizeBytes)
  );
}
