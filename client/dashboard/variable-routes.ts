import type { Hono } from 'hono';
import { z } from 'zod';
import { variableNamed } from '../variable-named.js';
import { bodyOf } from './actions.js';
import type { DashboardContext } from './context.js';
import { liveState } from './live.js';

const everyMs = 2_000;

/** The variables of the project, and what people do to them. */
export function variableRoutes(app: Hono, { project, reader, actorOf }: DashboardContext): void {
  const declared = async () => (await project?.facts())?.variables ?? [];
  app.get('/api/variables/live', (c) => liveState(c, everyMs, async () => reader.variables(await declared())));
  app.post('/api/variable/set', async (c) => {
    const { name, value } = await bodyOf(c, z.object({ name: z.string(), value: z.unknown() }));
    await project?.checkVariable(name, value);
    await reader.setVariable(name, value, actorOf(c) ?? 'unknown');
    return c.json({});
  });
  app.post('/api/variable/unset', async (c) => {
    const { name } = await bodyOf(c, z.object({ name: z.string() }));
    if (project !== undefined) variableNamed(await declared(), name);
    await reader.unsetVariable(name, actorOf(c) ?? 'unknown');
    return c.json({});
  });
}
