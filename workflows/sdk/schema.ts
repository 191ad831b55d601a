import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type ErrorCode, EvertrainError, show } from './errors.js';

/** Any Standard Schema (Zod, Valibot, ArkType …). */
export type Schema = StandardSchemaV1;

/** The encoded side: what travels as JSON. */
export type Encoded<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferInput<S> : unknown;
/** The decoded side: what the schema's parse gives. */
export type Decoded<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S> : unknown;

/**
 * Decodes a value by a schema, synchronously; without a schema the value passes as it is. A schema that answers with a
 * promise is refused (USER_SCHEMA_ASYNC), since neither workflow code nor an update validator may wait for it.
 */
export function decode(schema: Schema | undefined, value: unknown, code: ErrorCode, what: string): unknown {
  if (schema === undefined) return value;
  const result = schema['~standard'].validate(value);
  if (typeof (result as PromiseLike<unknown>).then === 'function') {
    (result as Promise<unknown>).catch(() => undefined);
    throw new EvertrainError('USER_SCHEMA_ASYNC', `${what}: the schema validates asynchronously.`, {
      remedy: 'Use synchronous checks in the schema, and do asynchronous ones in a step.',
    });
  }
  const settled = result as StandardSchemaV1.Result<unknown>;
  if (settled.issues === undefined) return settled.value;
  throw new EvertrainError(code, `${what} does not fit its schema: ${issueText(settled.issues, value)}.`, {
    value,
    remedy: 'Correct the fields named, or the schema.',
  });
}

function issueText(issues: readonly StandardSchemaV1.Issue[], value: unknown): string {
  const shown = issues.slice(0, 5).map((issue) => {
    const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
    const at = path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
    return `${path.length === 0 ? 'the value' : path.map(String).join('.')}: ${issue.message} (got ${show(at)})`;
  });
  const more = issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
