import { jsonSchemaOf } from './json-schema.js';
import { jsonLength } from './json-size.js';
import type { Schema } from './schema.js';

/** All of them may travel in one workflow task, which has room for 4 MB. */
const maxBytes = 4_000;
const maxQuestions = 100;

/**
 * The JSON schema by which people are asked for an answer, in the run's `earlier + 1`st question; `{}`, which says
 * nothing, where there is none, it is above 4 kB, or the run has asked 100 questions already.
 */
export function answerSchemaOf(answer: Schema, earlier: number): object {
  const schema = earlier < maxQuestions ? jsonSchemaOf(answer) : undefined;
  return schema === undefined || jsonLength(schema) > maxBytes ? {} : schema;
}
