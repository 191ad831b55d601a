import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where steps of other processes say that they have begun, by their own clock. */
export interface Receiver {
  readonly url: string;
  /** The clock of the step that was started for the id; epoch milliseconds. Fails after a minute. */
  began(id: string): Promise<number>;
  close(): void;
}

const withinMs = 60_000;

/** In a step: the clock is read before the call. */
export async function tell(receiver: string, id: string): Promise<void> {
  await fetch(`${receiver}/${encodeURIComponent(id)}/${Date.now()}`, { method: 'POST' });
}

export async function startReceiver(): Promise<Receiver> {
  const clocks = new Map<string, number>();
  const waiting = new Map<string, (clock: number) => void>();
  const server = createServer((request, response) => {
    const [, id = '', clock] = (request.url ?? '').split('/').map(decodeURIComponent);
    // A step that is tried again has begun at its first try.
    if (!clocks.has(id)) clocks.set(id, Number(clock));
    waiting.get(id)?.(Number(clock));
    request.resume();
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    began: (id) =>
      new Promise((resolve, reject) => {
        const known = clocks.get(id);
        if (known !== undefined) return resolve(known);
        const late = setTimeout(() => reject(new Error(`"${id}" did not begin in ${withinMs} ms`)), withinMs);
        waiting.set(id, (clock) => {
          clearTimeout(late);
          waiting.delete(id);
          resolve(clock);
        });
      }),
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
