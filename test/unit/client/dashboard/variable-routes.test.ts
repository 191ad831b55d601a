import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import type { DashboardContext } from '../../../../client/dashboard/context.js';
import { variableRoutes } from '../../../../client/dashboard/variable-routes.js';

function routes() {
  const unset: string[] = [];
  const app = new Hono();
  const context = {
    actorOf: () => 'ann',
    reader: { unsetVariable: (name: string, by: string) => Promise.resolve(void unset.push(`${name} by ${by}`)) },
    project: { facts: () => Promise.resolve({ variables: [{ name: 'share', default: 0.5 }] }) },
  };
  variableRoutes(app, context as unknown as DashboardContext);
  app.onError((error, c) => c.text(error.message, 400));
  const post = (body: unknown) =>
    app.request('/api/variable/unset', { method: 'POST', body: JSON.stringify(body), headers: json });
  return { unset, post };
}

const json = { 'content-type': 'application/json' };

describe('a variable that is unset', () => {
  it('gets its default again', async () => {
    const { unset, post } = routes();
    expect((await post({ name: 'share' })).status).toBe(200);
    expect(unset).toEqual(['share by ann']);
  });

  it('is one that the project declares', async () => {
    const { unset, post } = routes();
    const refused = await post({ name: 'shares' });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('declares no variable "shares". Did you mean "share"?');
    expect((await post({ name: 7 })).status).toBe(400);
    expect(unset).toEqual([]);
  });
});
