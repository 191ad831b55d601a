import { type Context, Hono } from 'hono';
import { EvertrainError, type ErrorCode, isEvertrainError } from '../workflows/sdk/errors.js';
import { parseDeployment } from './deployment-document.js';
import { readJsonBody } from './json-body.js';
import { logRoutes } from './prediction-log/log-routes.js';
import type { PredictionLog } from './prediction-log/prediction-log.js';
import type { ServedModels } from './served-models.js';
import { malformed } from './tensor-json.js';

/** HTTP status by error code; everything else is 500. The body is always `{ "error": "…", "code": "…" }`. */
const statusOf: Partial<Record<ErrorCode, 400 | 404 | 409 | 422 | 503>> = {
  USER_INPUT_INVALID: 400,
  USER_PAYLOAD_TOO_LARGE: 400,
  USER_MODEL_UNKNOWN: 404,
  USER_VERSION_UNKNOWN: 404,
  SYSTEM_FENCED: 409,
  SYSTEM_DEPLOY_FAILED: 422,
  SYSTEM_SERVER_UNREACHABLE: 503,
  SYSTEM_STORE_UNAVAILABLE: 503,
  SYSTEM_PEER_MISSING: 503,
};

export interface ServingAppOptions {
  readonly maxBodyBytes: number;
  readonly log: (message: string) => void;
  /** True once the server drains: connections are then closed after their answer. */
  readonly closing: () => boolean;
  readonly predictions?: PredictionLog | undefined;
}

/** The routes: Open Inference Protocol version 2 under /v2, deployments under /evertrain. */
export function servingApp(models: ServedModels, options: ServingAppOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    if (options.closing()) c.header('connection', 'close');
  });
  inferenceRoutes(app, models, options);
  deploymentRoutes(app, models, options);
  if (options.predictions) logRoutes(app, options.predictions, models, options.maxBodyBytes);
  app.notFound((c) => c.json({ error: `There is no ${c.req.method} ${c.req.path} here.` }, 404));
  app.onError((error, c) => {
    if (isEvertrainError(error)) return c.json({ error: error.message, code: error.code }, statusOf[error.code] ?? 500);
    options.log(`${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return c.json({ error: error.message, code: 'SYSTEM_FAILED' }, 500);
  });
  return app;
}

function inferenceRoutes(
  app: Hono,
  models: ServedModels,
  { maxBodyBytes, closing, predictions }: ServingAppOptions,
): void {
  app.get('/v2', (c) => c.json({ name: 'evertrain', version: '2', extensions: [] }));
  app.get('/v2/health/live', (c) => c.json({ live: true }));
  app.get('/v2/health/ready', (c) => {
    const { ready, failed } = models.health();
    // A log that loses rows takes no answer out of service.
    const logs = predictions?.states().filter(({ dropped, problem }) => dropped > 0 || problem !== undefined) ?? [];
    const told = logs.length === 0 ? {} : { predictionLogs: logs };
    return c.json({ ready: ready && !closing(), failed, ...told }, ready && !closing() ? 200 : 503);
  });
  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version'] as const) {
    const version = (c: Context): string | undefined => c.req.param('version');
    app.get(path, (c) => c.json(models.find(c.req.param('name'), version(c)).metadata()));
    app.get(`${path}/ready`, (c) => {
      const { model, version: current } = models.find(c.req.param('name') as string, version(c)).deployment;
      return c.json({ name: model, version: current, ready: true });
    });
    app.post(`${path}/infer`, async (c) => {
      // An unknown model is told before its body is read; after the wait for the body the version may have changed.
      const name = c.req.param('name') as string;
      models.find(name, version(c));
      const body = await readJsonBody(c.req.raw, maxBodyBytes);
      const response = await models.find(name, version(c)).infer(body);
      return c.body(response, 200, { 'content-type': 'application/json' });
    });
  }
}

function deploymentRoutes(app: Hono, models: ServedModels, { maxBodyBytes, closing }: ServingAppOptions): void {
  app.get('/evertrain/models', (c) => c.json({ models: models.list() }));
  app.put('/evertrain/models/:name', async (c) => {
    const deployment = parseDeployment(await readJsonBody(c.req.raw, maxBodyBytes));
    const name = c.req.param('name');
    if (deployment.model !== name) throw malformed('model', deployment.model, `${name}, the name in the path`);
    if (closing()) throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', 'The model server is closing.');
    return c.json(await models.deploy(deployment));
  });
}
