import { z } from 'zod';

/** Which step of which run wrote an artifact first. Outside every cache key: equal bytes are the same artifact. */
export interface Producer {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
}

/**
 * A reference to immutable bytes in the artifact store. History carries this, never the data.
 * `uri` is `<store>:sha256/<64 hex digits>`, so it does not depend on where the data folder lies.
 */
export interface Artifact {
  readonly uri: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** RFC 6838 type; a directory is a manifest of type `application/vnd.evertrain.directory+json`. */
  readonly mediaType: string;
  readonly producedBy?: Producer | undefined;
}

export const directoryMediaType = 'application/vnd.evertrain.directory+json';

const producer = z.object({ workflowId: z.string(), runId: z.string(), stepId: z.string(), attempt: z.int() });

const schema = z.object({
  uri: z
    .string()
    .regex(/^[a-z][a-z0-9]*:sha256\/[0-9a-f]{64}$/, 'an artifact uri looks like file:sha256/<64 hex digits>'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 is 64 hex digits'),
  sizeBytes: z.int().nonnegative(),
  mediaType: z.string().min(1),
  producedBy: producer.optional(),
});

/** The schema of an artifact reference, for use inside step and pipeline schemas. */
export function artifact(): typeof schema {
  return schema;
}

/** Whether a JSON value is an artifact reference (used to find data edges and job files). */
export function isArtifact(value: unknown): value is Artifact {
  if (typeof value !== 'object' || value === null) return false;
  const { uri, sha256, sizeBytes, mediaType } = value as Record<string, unknown>;
  return (
    typeof uri === 'string' &&
    typeof sha256 === 'string' &&
    typeof sizeBytes === 'number' &&
    typeof mediaType === 'string' &&
    uri.endsWith(`:sha256/${sha256}`)
  );
}

/** Calls `visit` for each artifact reference inside a JSON value. */
export function forEachArtifact(value: unknown, visit: (artifact: Artifact) => void): void {
  if (isArtifact(value)) return visit(value);
  if (Array.isArray(value)) for (const item of value) forEachArtifact(item, visit);
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) forEachArtifact(item, visit);
}
