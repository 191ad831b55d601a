import type { ArtifactStore } from '../sdk/ports.js';
import { fileObjects } from './file-objects.js';
import { gcsObjects } from './gcs-objects.js';
import { httpLook } from './http-look.js';
import type { Looks } from './look.js';
import { objectLooks } from './object-looks.js';
import type { ObjectSource } from './object-source.js';
import { s3Objects } from './s3-objects.js';
import { sqlLook } from './sql-look.js';

/** How each kind of condition is looked at, but for runs, which only a client of the engine sees. */
export function outsideLooks(store: ArtifactStore, more: readonly ObjectSource[] = []): Omit<Looks, 'run'> {
  return { ...objectLooks([...more, fileObjects, s3Objects(), gcsObjects()], store), sql: sqlLook, http: httpLook };
}
