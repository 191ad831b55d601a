import type { Readable } from 'node:stream';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { Resources } from '../../workflows/sdk/resources.js';
import type { TrialReport } from '../../workflows/sdk/search/messages.js';

/**
 * The artifact store keeps immutable bytes by their SHA-256. Every implementation passes
 * test/support/artifact-store-conformance.ts.
 *
 * - `put` streams (constant memory), is atomic (a reader never sees half an object, a killed writer leaves nothing that
 *   counts) and safe for concurrent writers of the same bytes.
 * - `open` and `materialize` verify the digest: SYSTEM_ARTIFACT_DAMAGED, or SYSTEM_ARTIFACT_MISSING where it is gone.
 */
export interface ArtifactStore {
  /** The scheme of this store's uris, for example `file`. */
  readonly scheme: string;
  put(source: Readable | Uint8Array | { readonly path: string }, mediaType: string): Promise<Artifact>;
  /** A stream of the bytes that fails at its end when the digest differs. */
  open(artifact: Artifact): Promise<Readable>;
  /** The path of a read-only local file with these verified bytes; for a directory manifest, of a directory. */
  materialize(artifact: Artifact): Promise<string>;
  has(sha256: string): Promise<boolean>;
  /** Every stored object, in no order. For garbage collection. */
  list(): AsyncIterable<{ readonly sha256: string; readonly sizeBytes: number; readonly writtenAtMs: number }>;
  delete(sha256: string): Promise<void>;
}

/**
 * The journal keeps small documents by key and append-only streams of lines. Keys are `/`-separated names
 * (built with `journalKey`: `[A-Za-z0-9_#=%-]` a segment). Nothing in it is a second truth: the history says what counts.
 */
export interface Journal {
  /**
   * Creates the document only if the key is free; false (and nothing written) when it is taken. Durable on return, but for
   * one that is `fleeting`: a power cut may undo or empty it, so it costs less.
   */
  create(key: string, body: string, durability?: 'fleeting'): Promise<boolean>;
  /** Creates or replaces the document atomically. */
  put(key: string, body: string): Promise<void>;
  get(key: string): Promise<string | undefined>;
  /** Keys below a prefix (documents and streams), sorted. */
  list(prefix: string): Promise<string[]>;
  /** Appends lines to a stream that has one writer. Half a line is never visible to `read`. */
  append(key: string, lines: readonly string[]): Promise<void>;
  /** Lines from a cursor (start: undefined) and the cursor after them; an absent stream is empty. */
  read(key: string, cursor?: string): Promise<{ readonly lines: string[]; readonly cursor: string }>;
  /**
   * The streams below a prefix with the cursor behind their last line, where one question tells of all: who follows many
   * then reads only those that have grown.
   */
  ends?(prefix: string): Promise<ReadonlyMap<string, string>>;
  /** Removes every document and stream below the prefix. */
  delete(prefix: string): Promise<void>;
}

/**
 * Tells a run that is open what a step of it reports (`runMessages.report`). Resolves once the engine has recorded it;
 * rejects after brief tries, also where the run has ended.
 */
export type TellRun = (
  run: { readonly workflowId: string; readonly runId: string },
  report: TrialReport,
) => Promise<void>;

/** What of its worker's machine a step that declares `resources` holds while it is at work. */
export interface Lease {
  readonly needs: Resources;
  /** The GPUs, as CUDA_VISIBLE_DEVICES names them, when all that is needed is free; rejects when the step is cancelled first. */
  readonly gpus: readonly string[] | Promise<readonly string[]>;
  /** The work that holds it: what is held is given back when it has ended, also where its attempt was given up before. */
  keepUntil(work: Promise<unknown>): void;
}

/** Escapes user text (run ids, step ids) into one key segment: reversible, never `.`/`..`, safe on every file system. */
export function journalKey(...segments: readonly string[]): string {
  return segments.map((s) => (s === '' ? '%' : s.replace(/[^A-Za-z0-9_#=-]/gu, escape))).join('/');
}

function escape(character: string): string {
  return [...new TextEncoder().encode(character)].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('');
}
