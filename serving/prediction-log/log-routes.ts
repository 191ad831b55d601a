import type { Hono } from 'hono';
import { z } from 'zod';
import { EvertrainError, isEvertrainError, show } from '../../workflows/sdk/errors.js';
import { checkLabels } from '../../workflows/sdk/model/labels.js';
import { readJsonBody } from '../json-body.js';
import type { ServedModels } from '../served-models.js';
import type { PredictionLog } from './prediction-log.js';
import type { WindowRequest } from './window.js';

const path = '/evertrain/models/:name';

/** Labels in, scores and windows out; USER_MODEL_UNKNOWN for a model that was never served here. */
export function logRoutes(app: Hono, log: PredictionLog, models: ServedModels, maxBodyBytes: number): void {
  const known = (name: string): string => {
    if (!log.knows(name)) requireServed(models, name);
    return name;
  };
  app.post(`${path}/feedback`, async (c) => {
    const name = known(c.req.param('name'));
    const labels = checkLabels(await readJsonBody(c.req.raw, maxBodyBytes));
    return c.json(await log.feedback(name, labels), 202);
  });
  app.get(`${path}/feedback`, async (c) => {
    const name = known(c.req.param('name'));
    const since = c.req.query('since');
    const sinceMs = since === undefined ? 0 : timeOf('since', since);
    const versions = await log.report(name, sinceMs);
    return c.json({ model: name, since: new Date(sinceMs).toISOString(), versions });
  });
  app.post(`${path}/window`, async (c) => {
    const name = known(c.req.param('name'));
    return c.json(await log.window(name, parseWindow(await readJsonBody(c.req.raw, maxBodyBytes))));
  });
}

function requireServed(models: ServedModels, name: string): void {
  try {
    models.find(name);
  } catch (error) {
    // One that is still loading is known.
    if (isEvertrainError(error) && error.code === 'USER_MODEL_UNKNOWN') throw error;
  }
}

function timeOf(field: string, text: string): number {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(ms)) return ms;
  throw new EvertrainError('USER_INPUT_INVALID', `${field} is ${show(text)}; expected a time in ISO 8601.`, {
    value: text,
    remedy: 'Write, for example, 2026-01-31T00:00:00Z.',
  });
}

const windowSchema = z.strictObject({
  since: z.string(),
  until: z.string().optional(),
  version: z.string().max(200).optional(),
  maxRows: z.int().min(1).max(1_000_000).default(100_000),
});

function parseWindow(body: unknown): WindowRequest {
  const parsed = windowSchema.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
    throw new EvertrainError('USER_INPUT_INVALID', `This is not a window: ${problems.join('; ')}.`, {
      value: show(body),
      remedy: 'Send { "since": "…", "until"?: "…", "version"?: "…", "maxRows"?: 100000 }.',
    });
  }
  const { since, until, version, maxRows } = parsed.data;
  return {
    sinceMs: timeOf('since', since),
    untilMs: until === undefined ? Date.now() + 1 : timeOf('until', until),
    maxRows,
    ...(version === undefined ? {} : { version }),
  };
}
