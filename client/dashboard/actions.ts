import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { DashboardContext } from './context.js';

const Id = z.string().min(1).max(1_000);
const OnRun = z.object({ id: Id, run: z.string().optional() });
const Reason = z.string().max(1_000).default('');

/** What a person may do, each by one POST under their name. */
export function actionRoutes(app: Hono, { evertrain, project, actorOf }: DashboardContext): void {
  const by = (c: Context) => actorOf(c) ?? 'unknown';
  app.post('/api/runs', async (c) => {
    const { pipeline, input, id, seed } = await bodyOf(
      c,
      z.object({ pipeline: Id, input: z.unknown(), id: Id.optional(), seed: z.int().optional() }),
    );
    const run = await evertrain.startByName(pipeline, input, {
      known: (await project?.pipelines()) ?? [],
      ...(id === undefined ? {} : { id }),
      ...(seed === undefined ? {} : { seed }),
    });
    return c.json({ workflowId: run.workflowId, runId: run.runId });
  });
  app.post('/api/run/approve', async (c) => {
    const { id, run, approval, answer } = await bodyOf(c, OnRun.extend({ approval: Id, answer: z.unknown() }));
    await evertrain.attach(id, run).approve(approval, answer, { actor: by(c) });
    return c.json({});
  });
  app.post('/api/run/cancel', async (c) => {
    const { id, run } = await bodyOf(c, OnRun);
    await evertrain.attach(id, run).cancel();
    return c.json({});
  });
  app.post('/api/run/terminate', async (c) => {
    const { id, run, reason } = await bodyOf(c, OnRun.extend({ reason: Reason }));
    await evertrain.attach(id, run).terminate(`${by(c)}: ${reason || 'by the dashboard'}`);
    return c.json({});
  });
  app.post('/api/run/rerun', async (c) => {
    const { id, run, from } = await bodyOf(c, OnRun.extend({ from: Id }));
    const known = project === undefined ? {} : { known: await project.pipelines() };
    const again = await evertrain.rerun(evertrain.attach(id, run), { from, ...known });
    return c.json({ workflowId: again.workflowId, runId: again.runId });
  });
  modelActions(app, { evertrain, by });
  scheduleActions(app, { evertrain, by });
}

type Acting = Pick<DashboardContext, 'evertrain'> & { readonly by: (c: Context) => string };

function modelActions(app: Hono, { evertrain, by }: Acting): void {
  const OnModel = z.object({
    name: Id,
    reason: Reason,
    version: Id.optional(),
    batch: Id.optional(),
  });
  app.post('/api/model/:order', async (c) => {
    const { name, reason, version = '', batch = '' } = await bodyOf(c, OnModel);
    const model = evertrain.model(name);
    const order = { actor: by(c), ...(reason === '' ? {} : { reason }) };
    const orders: Readonly<Record<string, () => Promise<unknown>>> = {
      promote: () => model.promote(version, order),
      'promote-now': () => model.promote(version, { ...order, now: true }),
      rollback: () => model.rollback(order),
      pause: () => model.pause(order),
      resume: () => model.resume(order),
      retrain: () => model.retrainNow(order),
      'release-batch': () => model.releaseBatch(batch, order),
      'drop-batch': () => model.dropBatch(batch, order),
    };
    const does = Object.hasOwn(orders, c.req.param('order')) ? orders[c.req.param('order')] : undefined;
    if (does === undefined) return c.notFound();
    await does();
    return c.json({});
  });
}

function scheduleActions(app: Hono, { evertrain, by }: Acting): void {
  app.post('/api/schedule/:order', async (c) => {
    const { name, reason } = await bodyOf(c, z.object({ name: Id, reason: Reason }));
    const why = `${by(c)}${reason === '' ? '' : `: ${reason}`}`;
    const { schedules } = evertrain;
    switch (c.req.param('order')) {
      case 'pause':
        await schedules.pause(name, why);
        return c.json({});
      case 'resume':
        await schedules.resume(name, why);
        return c.json({});
      case 'trigger': {
        const { workflowId, runId } = await schedules.trigger(name);
        return c.json({ workflowId, runId });
      }
      default:
        return c.notFound();
    }
  });
}

export async function bodyOf<S extends z.ZodType>(c: Context, schema: S): Promise<z.infer<S>> {
  const parsed = schema.safeParse(await c.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new EvertrainError('USER_INPUT_INVALID', `The request is wrong: ${z.prettifyError(parsed.error)}`);
}
