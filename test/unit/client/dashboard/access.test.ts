import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { type AccessOptions, checkAccess, guard } from '../../../../client/dashboard/access.js';

const own = { host: '127.0.0.1:8300', 'content-type': 'application/json', 'x-evertrain': 'dashboard' };

function guarded(options: Partial<AccessOptions>) {
  const app = new Hono();
  const { actorOf } = guard(app, { hosts: [], actor: 'me', isReadOnly: false, ...options });
  app.get('/api/session', (c) => c.text('open'));
  app.get('/api/runs', (c) => c.text(actorOf(c) ?? 'nobody'));
  app.post('/api/runs', (c) => c.text(`by ${actorOf(c)}`));
  return (path: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) =>
    app.request(path, { ...init, headers: { ...own, ...init.headers } });
}

describe('access', () => {
  it('without a token is of whoever uses the machine', async () => {
    expect(await (await guarded({})('/api/runs')).text()).toBe('me');
  });

  it('with a token is by a log-in, whose name is recorded; a wrong one, or none, lets nobody in', async () => {
    const token = 'a-token-of-16-or-more';
    const ask = guarded({ token });
    expect((await ask('/api/runs')).status).toBe(401);
    expect((await ask('/api/session')).status).toBe(200);
    const login = (body: unknown) => ask('/api/login', { method: 'POST', body: JSON.stringify(body) });
    expect((await login({ token: 'wrong', name: 'ann' })).status).toBe(401);
    expect((await login({ token, name: ' ' })).status).toBe(401);
    const { headers } = await login({ token, name: 'ann' });
    const set = headers.get('set-cookie') ?? '';
    expect(set).toMatch(/HttpOnly/);
    expect(set).toMatch(/SameSite=Strict/);
    const cookie = set.split(';')[0] ?? '';
    expect(await (await ask('/api/runs', { headers: { cookie } })).text()).toBe('ann');
    expect((await ask('/api/runs', { headers: { cookie: 'evertrain=guessed' } })).status).toBe(401);
  });

  it('refuses guesses of the token after a few', async () => {
    const ask = guarded({ token: 'a-token-of-16-or-more' });
    const guess = () => ask('/api/login', { method: 'POST', body: JSON.stringify({ token: 'x', name: 'eve' }) });
    const statuses = [];
    for (let n = 0; n < 12; n += 1) statuses.push((await guess()).status);
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.at(-1)).toBe(429);
  });

  it('by a header is of the person whom the proxy names', async () => {
    const ask = guarded({ actorHeader: 'x-forwarded-user' });
    expect((await ask('/api/runs')).status).toBe(401);
    expect(await (await ask('/api/runs', { headers: { 'x-forwarded-user': 'bob' } })).text()).toBe('bob');
  });

  it('read-only lets people look, and nothing else', async () => {
    const ask = guarded({ isReadOnly: true });
    expect((await ask('/api/runs')).status).toBe(200);
    expect((await ask('/api/runs', { method: 'POST', body: '{}' })).status).toBe(403);
  });

  it('is by a known name of the host only', async () => {
    const ask = guarded({ hosts: ['train.example'] });
    expect((await ask('/api/runs', { headers: { host: 'train.example:443' } })).status).toBe(200);
    expect((await ask('/api/runs', { headers: { host: 'evil.example' } })).status).toBe(421);
  });

  it('from other machines needs a log-in', () => {
    expect(() => checkAccess('127.0.0.1', {})).not.toThrow();
    expect(() => checkAccess('0.0.0.0', { token: 'a-token-of-16-or-more' })).not.toThrow();
    expect(() => checkAccess('0.0.0.0', {})).toThrow('open to everybody who reaches 0.0.0.0');
  });
});
