import { type Context, Hono } from 'hono';
import { EvertrainError, type ErrorCode, isEvertrainError } from '../workflows/sdk/errors.js';
import type { LiveReport, LiveScores } from '../workflows/sdk/model/live-report.js';
import { parseDeployment } from './deployment-document.js';
import { metadataOf } from './inference-protocol.js';
import { readJsonBody } from './json-body.js';
import { logRoutes } from './prediction-log/log-routes.js';
import type { PredictionLog } from './prediction-log/prediction-log.js';
import { metricsText } from './metrics.js';
import { healthOf, modelEntry } from './model-reports.js';
import type { ServedModels } from './served-models.js';
import type { ServedVersion } from './served-version.js';
import type { Split } from './split.js';
import { malformed } from './tensor-json.js';

/** HTTP status by error code; everything else is 500. The body is always `{ "error": "…", "code": "…" }`. */
const statusOf: Partial<Record<ErrorCode, 400 | 404 | 409 | 422 | 501 | 503>> = {
  USER_INPUT_INVALID: 400,
  USER_PAYLOAD_TOO_LARGE: 400,
  USER_MODEL_UNKNOWN: 404,
  USER_VERSION_UNKNOWN: 404,
  SYSTEM_FENCED: 409,
  SYSTEM_DEPLOY_FAILED: 422,
  SYSTEM_PEER_MISSING: 501,
  SYSTEM_SERVER_UNREACHABLE: 503,
  SYSTEM_STORE_UNAVAILABLE: 503,
};

export interface ServingAppOptions {
  readonly maxBodyBytes: number;
  readonly log: (message: string) => void;
  /** True once the server drains: connections are then closed after their answer. */
  readonly closing: () => boolean;
  /** What was predicted, and what turned out to be true. */
  readonly predictions?: PredictionLog | undefined;
}

/** The routes: Open Inference Protocol version 2 under /v2, deployments under /evertrain, numbers under /metrics. */
export function servingApp(models: ServedModels, options: ServingAppOptions): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    if (options.closing()) c.header('connection', 'close');
  });
  healthRoutes(app, models, options);
  inferenceRoutes(app, models, options);
  deploymentRoutes(app, models, options);
  if (options.predictions) logRoutes(app, options.predictions, models, options.maxBodyBytes);
  app.notFound((c) => c.json({ error: `There is no ${c.req.method} ${c.req.path} here.` }, 404));
  app.onError((error, c) => {
    if (isEvertrainError(error)) {
      const status = statusOf[error.code] ?? 500;
      if (status === 503) c.header('retry-after', '1');
      return c.json({ error: error.message, code: error.code }, status);
    }
    options.log(`${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return c.json({ error: error.message, code: 'SYSTEM_FAILED' }, 500);
  });
  return app;
}

function healthRoutes(app: Hono, models: ServedModels, { closing, predictions }: ServingAppOptions): void {
  app.get('/v2', (c) => c.json({ name: 'evertrain', version: '2', extensions: [] }));
  app.get('/v2/health/live', (c) => c.json({ live: true }));
  app.get('/v2/health/ready', (c) => {
    const health = healthOf(models.slots, models.unreadable);
    const ready = health.ready && !closing();
    // A log that loses rows takes no answer out of service.
    const logs = predictions?.states().filter(({ dropped, problem }) => dropped > 0 || problem !== undefined) ?? [];
    const told = logs.length === 0 ? {} : { predictionLogs: logs };
    return c.json({ ...health, ...told, ready }, ready ? 200 : 503);
  });
  app.get('/metrics', (c) =>
    c.text(metricsText(models.slots), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
}

function inferenceRoutes(app: Hono, models: ServedModels, { maxBodyBytes }: ServingAppOptions): void {
  for (const path of ['/v2/models/:name', '/v2/models/:name/versions/:version'] as const) {
    const version = (c: Context): string | undefined => c.req.param('version');
    app.get(path, async (c) => {
      const name = c.req.param('name');
      return c.json(await models.using(name, version(c), (split) => metadataFor(split, version(c))));
    });
    app.get(`${path}/ready`, (c) => {
      const { name, recorded } = models.find(c.req.param('name') as string, version(c));
      return c.json({ name, version: version(c) ?? recorded?.version, ready: true });
    });
    app.post(`${path}/infer`, async (c) => {
      // An unknown model is told before its body is read; after the wait for the body the version may have changed.
      const name = c.req.param('name') as string;
      const key = keyOf(c.req.header('x-evertrain-key'));
      models.find(name, version(c));
      const body = await readJsonBody(c.req.raw, maxBodyBytes);
      const response = await models.infer(name, body, { version: version(c), key });
      return c.body(response, 200, { 'content-type': 'application/json' });
    });
  }
}

function metadataFor({ deployment, versions }: Split, version: string | undefined): object {
  const named = versions.find((v) => v.version === version);
  const signature = named ?? (versions[0] as ServedVersion);
  return metadataOf(deployment.model, named ? [named.version] : versions.map((v) => v.version), signature);
}

function keyOf(header: string | undefined): string | undefined {
  if (header === undefined || (header.length > 0 && header.length <= 200)) return header;
  throw malformed('The header x-evertrain-key', header, '1 to 200 characters');
}

function deploymentRoutes(app: Hono, models: ServedModels, options: ServingAppOptions): void {
  app.get('/evertrain/models', (c) => c.json({ models: models.slots.map(modelEntry) }));
  app.put('/evertrain/models/:name', async (c) => {
    const deployment = parseDeployment(await readJsonBody(c.req.raw, options.maxBodyBytes));
    const name = c.req.param('name');
    if (deployment.model !== name) throw malformed('model', deployment.model, `${name}, the name in the path`);
    if (options.closing()) throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', 'The model server is closing.');
    return c.json(await models.deploy(deployment));
  });
  app.get('/evertrain/models/:name/live', async (c) => {
    const report = models.report(c.req.param('name'));
    if (c.req.query('scores') !== 'true') return c.json(report);
    return c.json(
      withScores(report, (await options.predictions?.scores(report.model, Date.parse(report.since))) ?? {}),
    );
  });
}

function withScores(report: LiveReport, scores: Readonly<Record<string, LiveScores>>): LiveReport {
  const versions = Object.entries(report.versions).map(([version, counts]) => {
    const known = scores[version];
    return [version, known === undefined ? counts : { ...counts, scores: known }] as const;
  });
  return { ...report, versions: Object.fromEntries(versions) };
}
