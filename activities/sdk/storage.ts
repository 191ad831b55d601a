import { join, resolve } from 'node:path';
import { fileJournal } from './journal/file-journal.js';
import { s3Journal } from './journal/s3-journal.js';
import type { ArtifactStore, Journal } from './ports.js';
import { Bucket } from './s3/bucket.js';
import { fileArtifactStore } from './store/file-artifact-store.js';
import { s3ArtifactStore } from './store/s3-artifact-store.js';

/** Where a process keeps artifacts and the journal. */
export interface Storage {
  readonly store: ArtifactStore;
  readonly journal: Journal;
  /** The url of the bucket; undefined when both are in the data folder. */
  readonly remote: string | undefined;
  /** Fails when it cannot be read; for a start, so that it is not the first step that tells. */
  readonly check: () => Promise<void>;
}

/**
 * The one place that says where artifacts and journal are: `EVERTRAIN_STORE`, which names a bucket (`s3://bucket/prefix`;
 * credentials, region and endpoint come from the usual AWS variables and profile), else the data folder. All processes
 * of a system must be told the same. USER_OPTION_INVALID for another url. Touches neither disk nor network.
 */
export function openStorage(dataDir: string, url = process.env['EVERTRAIN_STORE']): Storage {
  const folder = resolve(dataDir);
  if (url === undefined || url === '') {
    const store = fileArtifactStore(join(folder, 'artifacts'));
    return { store, journal: fileJournal(join(folder, 'journal')), remote: undefined, check: () => Promise.resolve() };
  }
  const whole = new Bucket({ url }, '');
  return {
    store: s3ArtifactStore({ url, cacheDir: join(folder, 'cache') }),
    journal: s3Journal({ url }),
    remote: url,
    async check() {
      await whole.has('evertrain');
    },
  };
}
