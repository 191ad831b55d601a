import type { Client, Connection } from '@temporalio/client';

/** A call that the signal ends. Each gets a signal of its own, since the client never takes its listener off again. */
export async function abortable<T>(client: Client, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const own = new AbortController();
  const abort = () => own.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await (client.connection as Connection).withAbortSignal(own.signal, call);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
