import { type Context, Hono } from 'hono';
import { compress } from 'hono/compress';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { type ErrorCode, EvertrainError, isEvertrainError, withoutLink } from '../../workflows/sdk/errors.js';
import type { Evertrain } from '../evertrain.js';
import type { RunView } from '../history/run-view.js';
import type { LogHit, LogQuery } from '../log-query.js';
import { type Access, type AccessOptions, guard } from './access.js';
import { actionRoutes } from './actions.js';
import { logRoutes } from './log-routes.js';
import { pageRoutes } from './page-routes.js';
import { runRoutes } from './run-routes.js';
import type { ProjectReader, VariableForm } from './project-facts.js';
import type { AttemptLine, CurveLine, Preview, Session, ShownStudy, VariablesAnswer } from './shapes.js';
import { stateRoutes } from './state-routes.js';
import { variableRoutes } from './variable-routes.js';

/** What the engine does not know: journal and artifact store. */
export interface DashboardReader {
  /** From its history, or from its record where the engine has forgotten it. */
  run(workflowId: string, runId?: string): Promise<RunView>;
  /** Of a run's attempts, by time; `cursor` continues. */
  lines(
    workflowId: string,
    runId: string,
    options: { readonly stepId?: string | undefined; readonly cursor?: string | undefined },
  ): Promise<{ readonly lines: readonly AttemptLine[]; readonly cursor: string }>;
  /** Tells the metrics of a run, or of some steps or groups of it, that have grown since the last call. */
  curves(workflowId: string, runId: string, steps: readonly string[]): () => Promise<readonly CurveLine[]>;
  /** Also those that have a run of their own, and trials and importance that only an artifact has. */
  studies(view: RunView): Promise<readonly ShownStudy[]>;
  /** Through the logs of all runs, or of a pipeline's or model's; answers whether there are more than `limit` lines. */
  search(query: LogQuery, options: SearchIn): AsyncGenerator<readonly LogHit[], { readonly isCut: boolean }>;
  preview(artifact: Artifact): Promise<Preview>;
  /** Of a project: their values, and what was done to them. */
  variables(declared: readonly VariableForm[]): Promise<VariablesAnswer>;
  setVariable(name: string, value: unknown, by: string): Promise<void>;
  /** It has its default again. */
  unsetVariable(name: string, by: string): Promise<void>;
}

export interface SearchIn {
  readonly pipeline?: string;
  readonly model?: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface DashboardOptions extends AccessOptions {
  readonly evertrain: Evertrain;
  readonly reader: DashboardReader;
  /** The folder of the built pages. */
  readonly pages: string;
  /** Of the folder in which it was started, if there is one: its pipelines can be started. */
  readonly project?: ProjectReader;
  /** Of Temporal's UI. */
  readonly temporalUi?: string;
  readonly log: (line: string) => void;
}

export type DashboardContext = DashboardOptions & Pick<Access, 'actorOf'>;

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
