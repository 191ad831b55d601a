import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';

export type Send = (message: unknown) => Promise<void>;

/** Proxies cut connections that are silent for long. */
const stillHereMs = 15_000;

/**
 * Server-sent events, one JSON value each, until the reader has gone or the body has ended (with a problem, which is
 * told); then `end` is told.
 */
export function live(c: Context, body: (send: Send, gone: AbortSignal) => Promise<void>): Response {
  c.header('x-accel-buffering', 'no');
  return streamSSE(c, async (stream) => {
    const gone = new AbortController();
    stream.onAbort(() => gone.abort());
    const stillHere = setInterval(() => void stream.write(': still here\n\n'), stillHereMs);
    try {
      const send: Send = (message) => stream.writeSSE({ data: JSON.stringify(message) });
      await body(send, gone.signal).catch((error: unknown) => send(problem(error)));
      if (!gone.signal.aborted) await stream.writeSSE({ event: 'end', data: '{}' });
    } finally {
      clearInterval(stillHere);
      gone.abort();
    }
  });
}

/** Tells what is read, again whenever it has changed. */
export function liveState<T>(c: Context, everyMs: number, read: () => Promise<T>): Response {
  return live(c, async (send, gone) => {
    let told: string | undefined;
    while (!gone.aborted) {
      const state = await read().catch(problem);
      const text = JSON.stringify(state);
      if (text !== told) await send(state);
      told = text;
      await sleep(everyMs, undefined, { signal: gone }).catch(() => undefined);
    }
  });
}

/** An error as a message of a stream: the page shows it and goes on listening. */
function problem(error: unknown): { readonly problem: string } {
  return { problem: error instanceof Error ? error.message : String(error) };
}
