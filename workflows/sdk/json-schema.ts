import { z } from 'zod';
import type { Schema } from './schema.js';

/** What a Zod schema takes, as JSON schema; `undefined` for other libraries, and for what JSON schema cannot say. */
export function jsonSchemaOf(schema: Schema | undefined): object | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  try {
    return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  } catch {
    return undefined;
  }
}
