import type { Client, Notification } from 'pg';
import { jsonDigest } from '../../workflows/sdk/digest.js';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { EventRule } from '../../workflows/sdk/events/on.js';
import type { PostgresSource } from '../../workflows/sdk/events/source.js';
import { parseJson } from '../http/read-body.js';
import { effectOf } from './effect.js';
import { listenAgain } from './listen-again.js';
import type { Listener, ListenerContext } from './listener.js';
import { settleEffects } from './settle-effects.js';

const firstPauseMs = 250;
const longestPauseMs = 15_000;
/** What waits to be recorded; more of them end the connection, and the query tells them later. */
const mostWaiting = 10_000;

/**
 * Notifications of a channel for one rule. At each connection the channel is listened to first and the catch-up query is
 * asked then, so that nothing falls between; what both tell is one event. Payloads have their effect in the order in which
 * they come.
 */
export function listenToPostgres(context: ListenerContext, rule: EventRule): Listener {
  let pauseMs = firstPauseMs;
  const isUp = () => {
    pauseMs = firstPauseMs;
  };
  const lost = (error: unknown) => {
    context.log(`Event rule "${rule.name}": PostgreSQL: ${codeOf(error)}; connecting again.`);
    const waitMs = pauseMs;
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    return waitMs;
  };
  return listenAgain((signal) => listen(context, rule, signal, isUp), lost);
}

async function listen(context: ListenerContext, rule: EventRule, signal: AbortSignal, isUp: () => void): Promise<void> {
  const { channel, catchUp } = rule.source as PostgresSource;
  const client = await open(context, rule);
  const waiting: string[] = [];
  let wake = () => {};
  let lost: Error | undefined;
  const end = (error: Error) => {
    lost ??= error;
    wake();
  };
  const stop = () => end(new Error('stopped'));
  client.on('notification', ({ payload = '' }: Notification) => {
    waiting.push(payload);
    if (waiting.length > mostWaiting) end(new Error('more notifications come than are recorded'));
    wake();
  });
  client.on('error', end).on('end', () => end(new Error('the connection ended')));
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.connect();
    await client.query(`LISTEN "${channel}"`);
    isUp();
    if (catchUp !== undefined)
      await take(context, rule, (await client.query<Row>(catchUp)).rows.map(payloadOf), signal);
    while (lost === undefined) {
      if (waiting.length > 0) await take(context, rule, waiting.splice(0), signal);
      else await new Promise<void>((resolve) => (wake = resolve));
    }
    // What came before the connection was lost comes no second time.
    await take(context, rule, waiting.splice(0), signal);
    throw lost;
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end().catch(() => undefined);
  }
}

interface Row {
  readonly payload?: unknown;
}

/** A column may be of text or of JSON. */
function payloadOf({ payload }: Row): string {
  return typeof payload === 'string' ? payload : JSON.stringify(payload ?? null);
}

async function take(
  context: ListenerContext,
  rule: EventRule,
  payloads: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const refused = (payload: string, error: EvertrainError) =>
    context.log(`Event rule "${rule.name}" passes over ${payload.slice(0, 200)}: ${error.message}`);
  const effects = payloads.flatMap((payload) => {
    try {
      const data = parseJson(Buffer.from(payload), 'Send JSON.');
      return [effectOf(rule, { id: jsonDigest(data), data })];
    } catch (error) {
      if (!isEvertrainError(error)) throw error;
      refused(payload, error);
      return [];
    }
  });
  const hopeless = await settleEffects({ ...context, signal }, effects);
  for (const [effect, error] of hopeless) refused(effect.id, error);
}

async function open(context: ListenerContext, rule: EventRule): Promise<Client> {
  const { database } = rule.source as PostgresSource;
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_PEER_MISSING', `Event rule "${rule.name}" needs the package pg.`, {
      remedy: 'Run `npm install pg`.',
      cause,
    });
  });
  const connectionString = typeof database === 'string' ? database : await context.readSecret(database);
  return new pg.Client({
    connectionString,
    application_name: 'evertrain-events',
    connectionTimeoutMillis: 10_000,
    // A server that is gone without a word is noticed.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
}

/** A message of the driver may hold what is in the URL. */
function codeOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message: string };
  return typeof code === 'string' ? code : message;
}
