import type { Storage } from '@google-cloud/storage';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ObjectSource, SeenObject } from './object-source.js';

/** Of one request; a sensor looks again anyway. */
const timeoutMs = 30_000;
const retryOptions = { maxRetries: 3, maxRetryDelay: 2, totalTimeout: 60 };
const fields = 'items(name,size,timeCreated,generation),nextPageToken';

interface Place {
  readonly bucket: string;
  readonly key: string;
}

interface StoredObject {
  readonly name: string;
  /** In bytes; numbers of 64 bits come as text. */
  readonly size: string | number;
  /** Of this generation. */
  readonly timeCreated: string;
  /** Another one after each write. */
  readonly generation: string | number;
}

interface Page {
  readonly items?: readonly StoredObject[];
  readonly nextPageToken?: string;
}

/**
 * Objects in Google Cloud Storage, by Application Default Credentials; STORAGE_EMULATOR_HOST names an emulator. Names are
 * taken as they stand, not percent-decoded.
 */
export function gcsObjects(): ObjectSource {
  let connected: Promise<Storage> | undefined;
  const storage = () => (connected ??= connect());
  return {
    scheme: 'gs',
    async find(uri) {
      const place = placeOf(uri);
      // In the order of names, the object itself comes first of all that begin so. Asked for by its name, one that is
      // missing would not be told from a bucket that is.
      for await (const object of listed(await storage(), place, 1)) {
        return object.name === place.key ? seen(place, object) : undefined;
      }
      return undefined;
    },
    async *list(prefix, signal) {
      const place = placeOf(prefix);
      for await (const object of listed(await storage(), place, 1_000)) {
        signal.throwIfAborted();
        // Consoles make such objects for folders.
        if (!object.name.endsWith('/')) yield seen(place, object);
      }
    },
  };
}

async function* listed(storage: Storage, { bucket, key }: Place, maxResults: number): AsyncGenerator<StoredObject> {
  for (let pageToken: string | undefined; ; ) {
    const page = { maxResults, ...(pageToken === undefined ? {} : { pageToken }) };
    const [, , answer] = await storage
      .bucket(bucket)
      .getFiles({ prefix: key, fields, autoPaginate: false, ...page })
      .catch((error: unknown) => {
        throw unavailable(error, `gs://${bucket}/${key}`);
      });
    const { items = [], nextPageToken } = answer as Page;
    yield* items;
    if (nextPageToken === undefined) return;
    pageToken = nextPageToken;
  }
}

function placeOf(uri: string): Place {
  const [, bucket = '', key = ''] = /^gs:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
  return { bucket, key };
}

function seen({ bucket }: Place, { name, size, timeCreated, generation }: StoredObject): SeenObject {
  return {
    uri: `gs://${bucket}/${name}`,
    sizeBytes: Number(size),
    modifiedMs: Date.parse(timeCreated),
    etag: String(generation),
  };
}

async function connect(): Promise<Storage> {
  const gcs = await import('@google-cloud/storage').catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_PEER_MISSING', 'Objects at gs:// need the package @google-cloud/storage.', {
      remedy: 'Run `npm install @google-cloud/storage`.',
      cause,
    });
  });
  const storage = new gcs.Storage({ timeout: timeoutMs, retryOptions });
  const emulator = process.env['STORAGE_EMULATOR_HOST'];
  // Of Google's libraries, this one alone takes the variable for the root of the API with its path.
  if (emulator) storage.baseUrl = `${storage.apiEndpoint.replace(/\/storage\/v1$/, '')}/storage/v1`;
  return storage;
}

const remedies: Readonly<Record<string, string>> = {
  401: 'Check the Application Default Credentials: GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth application-default login`.',
  403: 'Let these credentials list the objects of the bucket (role Storage Object Viewer).',
  404: 'Create the bucket, or correct its name.',
};

/** The library's own error holds the request with its token. */
function unavailable(error: unknown, where: string): EvertrainError {
  const { code, message } = error as { readonly code?: string | number; readonly message: string };
  const told = code === undefined ? '' : ` (${code})`;
  return new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `Cannot list ${where}${told}.`, {
    value: where,
    remedy: remedies[String(code)] ?? 'Check the credentials and the way to the server; it may be tried again.',
    cause: new Error(message),
  });
}
