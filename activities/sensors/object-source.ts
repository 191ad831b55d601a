/** An object as its store lists it. */
export interface SeenObject {
  readonly uri: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Changes with the content; without it, size and time of modification stand for it. */
  readonly etag?: string;
}

/**
 * Where sensors look for objects, by the scheme of their uris. `file`, `s3` and `gs` are built in;
 * `createWorker({ objectSources })` takes more (Azure's `az`), and others in their place. What an implementation has to keep to:
 *
 * - an object is seen when it can be read as a whole, and at once after it was written;
 * - uris are the ones that it was asked by, with what is below a prefix appended;
 * - a store that is away, or refuses, is a SYSTEM_ error, which is waited out; nothing there is no error.
 */
export interface ObjectSource {
  readonly scheme: string;
  find(uri: string, signal: AbortSignal): Promise<SeenObject | undefined>;
  /** Everything below a prefix, which ends with `/`, in any order, as it comes: there may be millions. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<SeenObject>;
}
