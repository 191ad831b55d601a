import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { tokenBucket } from '../http/token-bucket.js';

/** Who may look, and under which name people act. */
export interface AccessOptions {
  /** Names of hosts by which the dashboard is reached; loopback names always are. A foreign one is refused (DNS rebinding). */
  readonly hosts: readonly string[];
  /** Asked for in a log-in form. */
  readonly token?: string;
  /** A header in which a proxy in front says who asks; it must take away one that comes from outside. */
  readonly actorHeader?: string;
  /** Who acts where neither is set. */
  readonly actor: string;
  readonly isReadOnly: boolean;
}

export interface Access {
  readonly needsLogin: boolean;
  /** Who asks; `undefined` for somebody who has not logged in. */
  readonly actorOf: (c: Context) => string | undefined;
}

const cookieName = 'evertrain';
const maxSessions = 1_000;
const sessionMs = 12 * 60 * 60_000;
const maxName = 100;
const loopback = /^(localhost|127\.0\.0\.1|\[::1\])$/;
/** Of wrong tokens: a few at once, then one every two seconds. */
const guesses = { perSecond: 0.5, burst: 10 };

/**
 * Every request names a host that is ours. Whatever changes something carries JSON and a header of our own, which a page
 * of another origin cannot send, and comes from this origin where the browser says so. Nobody is let in without the
 * token, where one is set.
 */
export function guard(app: Hono, options: AccessOptions): Access {
  const sessions = new Map<string, { readonly actor: string; readonly until: number }>();
  const bucket = tokenBucket(guesses.perSecond, guesses.burst);
  const { token, actorHeader } = options;
  const actorOf = (c: Context): string | undefined => {
    if (actorHeader !== undefined) return named(c.req.header(actorHeader));
    if (token === undefined) return options.actor;
    const session = sessions.get(digest(getCookie(c, cookieName) ?? '').toString('hex'));
    return session !== undefined && session.until > Date.now() ? session.actor : undefined;
  };
  app.use(ownHost(options.hosts));
  app.use('/api/*', ownRequests);
  app.post('/api/login', async (c) => {
    if (token === undefined) return c.json({}, 404);
    if (!bucket.take().ok) return c.json(refused('There are too many attempts.', 'Wait a few seconds.'), 429);
    const { token: given, name } = await c.req.json<{ token?: unknown; name?: unknown }>();
    const actor = named(name);
    if (!timingSafeEqual(digest(String(given)), digest(token)) || actor === undefined) {
      return c.json(refused('The token is wrong, or there is no name.', 'Ask who runs the dashboard.'), 401);
    }
    const secret = randomBytes(32).toString('base64url');
    if (sessions.size >= maxSessions) sessions.delete(sessions.keys().next().value ?? '');
    sessions.set(digest(secret).toString('hex'), { actor, until: Date.now() + sessionMs });
    setCookie(c, cookieName, secret, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: sessionMs / 1_000 });
    return c.json({});
  });
  app.use('/api/*', async (c, next) => {
    const isOpen = c.req.path === '/api/session';
    if (!isOpen && actorOf(c) === undefined) return c.json(refused('You are not logged in.', 'Log in.'), 401);
    if (options.isReadOnly && c.req.method !== 'GET') {
      return c.json(refused('This dashboard only shows.', 'Start one without --read-only, or use the CLI.'), 403);
    }
    await next();
    return undefined;
  });
  return { needsLogin: token !== undefined || actorHeader !== undefined, actorOf };
}

/** Somebody must have logged in, or the network must be the machine's own. */
export function checkAccess(host: string, { token, actorHeader }: Pick<AccessOptions, 'token' | 'actorHeader'>): void {
  if (loopback.test(host) || host === '::1' || token !== undefined || actorHeader !== undefined) return;
  throw new EvertrainError('USER_OPTION_INVALID', `The dashboard would be open to everybody who reaches ${host}.`, {
    value: host,
    remedy: 'Set EVERTRAIN_DASHBOARD_TOKEN, or --actor-header behind a proxy that logs people in.',
  });
}

function ownHost(hosts: readonly string[]): MiddlewareHandler {
  return async (c, next) => {
    const name = (c.req.header('host') ?? '').replace(/:\d+$/, '');
    if (!loopback.test(name) && !hosts.includes(name)) {
      return c.json(refused(`This dashboard is not known as "${name}".`, 'Start it with --allow-host <name>.'), 421);
    }
    await next();
    return undefined;
  };
}

const ownRequests: MiddlewareHandler = async (c, next) => {
  const { method } = c.req;
  const site = c.req.header('sec-fetch-site') ?? 'same-origin';
  if (method === 'GET' ? site === 'same-origin' || site === 'none' : isOwn(c, site)) {
    await next();
    return undefined;
  }
  return c.json(refused('The request does not come from the dashboard.', 'Open the dashboard itself.'), 403);
};

function isOwn(c: Context, site: string): boolean {
  const origin = c.req.header('origin');
  return (
    c.req.method === 'POST' &&
    site === 'same-origin' &&
    c.req.header('x-evertrain') === 'dashboard' &&
    c.req.header('content-type') === 'application/json' &&
    (origin === undefined || origin.replace(/^https?:\/\//, '') === c.req.header('host'))
  );
}

function named(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const trimmed = name.trim();
  return trimmed === '' || trimmed.length > maxName ? undefined : trimmed;
}

function refused(message: string, remedy: string) {
  return { code: 'USER_REQUEST_REFUSED', message, remedy };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
