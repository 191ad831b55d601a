import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Hono } from 'hono';
import type { Run } from '../run.js';
import type { RunView, StepView } from '../history/run-view.js';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { DashboardContext } from './context.js';
import { live, liveState, type Send } from './live.js';
import { listOptions } from './list-options.js';
import type { AttemptLine, CurveLine, PastCall, RunMessage } from './shapes.js';
import { changeOf } from './view-change.js';

const listEveryMs = 1_000;
/** Workers write what the last attempts of a run said a moment after its end. */
const lastWordsMs = 5_000;
const linesEveryMs = 400;
/** Of lines in one message. */
const maxLines = 2_000;
/** Their histories are read one by one. */
const pastRuns = 25;

export function runRoutes(app: Hono, context: DashboardContext): void {
  const { evertrain, reader } = context;
  const runOf = (c: Context): Run => evertrain.attach(c.req.query('id') ?? '', c.req.query('run') || undefined);
  app.get('/api/runs', async (c) => c.json(await evertrain.page(listOptions(c.req.query()), c.req.query('from'))));
  app.get('/api/runs/live', (c) => {
    const options = listOptions(c.req.query());
    return liveState(c, listEveryMs, () => evertrain.page(options));
  });
  app.get('/api/run/live', (c) => live(c, (send, gone) => followRun(context, runOf(c), send, gone)));
  app.get('/api/run', async (c) => c.json(await viewOf(context, runOf(c))));
  app.get('/api/run/outline', async (c) => c.json(withoutValues(await viewOf(context, runOf(c)))));
  app.get('/api/run/step', async (c) => {
    const view = await viewOf(context, runOf(c));
    const id = c.req.query('step');
    const step = view.steps.find((one) => one.id === id);
    if (step !== undefined) return c.json(step);
    throw new EvertrainError('USER_STEP_UNKNOWN', `The run has no step "${id}".`, { value: id });
  });
  app.get('/api/step/past', async (c) =>
    c.json(await pastCalls(context, c.req.query('pipeline'), c.req.query('step'))),
  );
  app.get('/api/run/studies', async (c) => c.json(await reader.studies(await viewOf(context, runOf(c)))));
  app.get('/api/run/curves', (c) =>
    live(c, (send, gone) => followCurves(context, runOf(c), c.req.queries('step') ?? [], send, gone)),
  );
  app.get('/api/run/lines', (c) =>
    live(c, (send, gone) => followLines(context, runOf(c), c.req.query('step'), send, gone)),
  );
  app.get('/api/artifact', async (c) => {
    const { uri = '', sha256 = '', mediaType = '', sizeBytes = '0' } = c.req.query();
    return c.json(await reader.preview({ uri, sha256, mediaType, sizeBytes: Number(sizeBytes) }));
  });
}

/** The log of a run, or of one of its steps, until the run has closed and all is told. */
async function followLines(
  context: DashboardContext,
  run: Run,
  stepId: string | undefined,
  send: Send,
  gone: AbortSignal,
): Promise<void> {
  let cursor: string | undefined;
  await untilAllIsTold(context, run, gone, async (workflowId, runId) => {
    const read = await context.reader.lines(workflowId, runId, { stepId, cursor });
    cursor = read.cursor;
    const logs = read.lines.filter(({ kind }) => kind === 'log');
    for (let first = 0; first < logs.length; first += maxLines) {
      await send(logs.slice(first, first + maxLines) satisfies readonly AttemptLine[]);
    }
    return read.lines.length > 0;
  });
}

async function followCurves(
  context: DashboardContext,
  run: Run,
  steps: readonly string[],
  send: Send,
  gone: AbortSignal,
): Promise<void> {
  let next: (() => Promise<readonly CurveLine[]>) | undefined;
  await untilAllIsTold(context, run, gone, async (workflowId, runId) => {
    next ??= context.reader.curves(workflowId, runId, steps);
    const grown = await next();
    if (grown.length > 0) await send(grown);
    return grown.length > 0;
  });
}

/** @param tell answers whether there was something to tell */
async function untilAllIsTold(
  context: DashboardContext,
  run: Run,
  gone: AbortSignal,
  tell: (workflowId: string, runId: string) => Promise<boolean>,
): Promise<void> {
  const { workflowId } = run;
  const { runId, closedAt } = await viewOf(context, run);
  const handle = context.evertrain.client.workflow.getHandle(workflowId, runId);
  let closed = closedAt;
  for (let at = 1; !gone.aborted; at += 1) {
    const isOver = closed !== undefined && Date.now() - closed > lastWordsMs;
    const isMore = await tell(workflowId, runId);
    if (isOver && !isMore) return;
    await sleep(linesEveryMs, undefined, { signal: gone }).catch(() => undefined);
    if (closed === undefined && !gone.aborted && at % 5 === 0) closed = (await handle.describe()).closeTime?.getTime();
  }
}

/** A run whose history the engine has forgotten is told from its record. */
function viewOf({ reader }: DashboardContext, { workflowId, runId }: Run): Promise<RunView> {
  return reader.run(workflowId, runId);
}

async function followRun(context: DashboardContext, run: Run, send: Send, gone: AbortSignal): Promise<void> {
  const tell = (message: RunMessage) => send(message);
  let told: RunView | undefined;
  const show = async (view: RunView) => {
    const next = withoutValues(view);
    if (told === undefined || told.runId !== next.runId) await tell({ kind: 'view', view: next });
    else {
      const change = changeOf(told, next);
      if (change !== undefined) await tell({ kind: 'change', change });
    }
    told = next;
  };
  try {
    for await (const news of run.news({ signal: gone })) {
      if (news.kind === 'view') await show(news.view);
      else if (news.kind === 'found') await tell({ kind: 'found' });
      else await tell({ kind: news.kind, message: news.message });
    }
  } catch (error) {
    if (!isEvertrainError(error) || error.code !== 'USER_RUN_UNKNOWN') throw error;
    await tell({ kind: 'view', view: withoutValues(await viewOf(context, run)), recorded: true });
  }
}

/** How long a step took in the newest runs of a pipeline, the oldest first. */
async function pastCalls({ evertrain, reader }: DashboardContext, pipeline = '', step = ''): Promise<PastCall[]> {
  const runs = await evertrain.list({ pipeline, limit: pastRuns });
  const found: PastCall[] = [];
  for (const { workflowId, runId } of runs.reverse()) {
    const { steps } = await reader.run(workflowId, runId);
    const call = steps.find(({ id }) => id === step);
    if (call === undefined || !('endedAt' in call)) continue;
    const { status, scheduledAt, endedAt } = call;
    found.push({ workflowId, runId, status, scheduledAt, ms: endedAt - scheduledAt });
  }
  return found;
}

/** What may be large is asked for step by step. */
function withoutValues(view: RunView): RunView {
  const steps = view.steps.map((step) => ({ ...step, input: undefined, output: undefined }) as StepView);
  return { ...view, steps };
}
