import { type Context, Hono } from 'hono';
import { compress } from 'hono/compress';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { type ErrorCode, EvertrainError, isEvertrainError, withoutLink } from '../../workflows/sdk/errors.js';
import { guard } from './access.js';
import { actionRoutes } from './actions.js';
import type { DashboardContext, DashboardOptions } from './context.js';
import { logRoutes } from './log-routes.js';
import { pageRoutes } from './page-routes.js';
import { runRoutes } from './run-routes.js';
import type { Session } from './shapes.js';
import { stateRoutes } from './state-routes.js';
import { variableRoutes } from './variable-routes.js';

const statusOf: Partial<Record<ErrorCode, 404 | 409>> = {
  USER_RUN_UNKNOWN: 404,
  USER_MODEL_UNKNOWN: 404,
  USER_STEP_UNKNOWN: 404,
  USER_RUN_EXISTS: 409,
  USER_APPROVAL_ANSWERED: 409,
};

/**
 * The dashboard: pages, what they are told (streams of server-sent events, so that nothing is asked for twice a second by
 * each of them) and what people do there. It keeps no state of its own but log-ins.
 */
export function dashboardApp(options: DashboardOptions): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: 'DENY',
      referrerPolicy: 'same-origin',
      // Plain HTTP on the own machine stays usable; a proxy in front says otherwise.
      strictTransportSecurity: false,
    }),
  );
  // Streams are left as they are.
  app.use(compress());
  const { needsLogin, actorOf } = guard(app, options);
  const context: DashboardContext = { ...options, actorOf };
  app.use('/api/*', async (c, next) => {
    c.header('cache-control', 'no-store');
    await next();
  });
  app.get('/api/session', async (c) => c.json(await session(c, context, needsLogin)));
  runRoutes(app, context);
  logRoutes(app, context);
  stateRoutes(app, context);
  variableRoutes(app, context);
  actionRoutes(app, context);
  pageRoutes(app, options.pages);
  app.onError((error, c) => failed(error, c, options.log));
  return app;
}

async function session(c: Context, context: DashboardContext, needsLogin: boolean): Promise<Session> {
  const { evertrain, project, temporalUi, isReadOnly } = context;
  const actor = context.actorOf(c);
  const { address, namespace } = evertrain;
  const base = { needsLogin, isReadOnly, address, namespace, now: Date.now() };
  if (actor === undefined) return { ...base, address: '', namespace: '', pipelines: [] };
  return {
    ...base,
    actor,
    ...(temporalUi === undefined ? {} : { temporalUi }),
    pipelines: (await project?.facts())?.pipelines ?? [],
  };
}

function failed(error: Error, c: Context, log: (line: string) => void): Response {
  if (error instanceof HTTPException) return c.json({ message: error.message }, error.status);
  const known = isEvertrainError(error) ? error : new EvertrainError('SYSTEM_FAILED', error.message, { cause: error });
  if (!isEvertrainError(error)) log(`${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
  const { code } = known;
  const status = statusOf[code] ?? (code.startsWith('USER_') ? 400 : 503);
  return c.json({ code, message: withoutLink(known.message) }, status);
}
