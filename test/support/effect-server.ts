import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Receives what steps do to the outside world, and counts it: tests ask the receiver how often something happened, never
 * the step. A step says `begin` before its work and `effect` when it does it; a held `begin` is not answered, which keeps
 * the step exactly there until the test lets it go.
 */
export interface EffectServer {
  /** `http://127.0.0.1:<port>`; POST `/begin/<key>` and `/effect/<key>`. */
  readonly url: string;
  /** How often an effect arrived. */
  count(key: string): number;
  /** Every effect's count by key. */
  counts(): Readonly<Record<string, number>>;
  /** How often a key began. */
  begun(key: string): number;
  /** How often anything began. */
  begins(): number;
  hold(key: string): void;
  /** From now on a `begin` that is not held is answered after so many milliseconds. */
  slowDown(milliseconds: () => number): void;
  /** Answers what is held under the key, and holds it no more. */
  release(key: string): void;
  /** Waits until the key has begun so many times; fails after 60 s. */
  began(key: string, times?: number): Promise<void>;
  close(): Promise<void>;
}

const beganWithinMs = 60_000;

/** Starts it on a free loopback port. */
export async function effectServer(): Promise<EffectServer> {
  const effects = new Map<string, number>();
  const begins = new Map<string, number>();
  const held = new Map<string, ServerResponse[]>();
  const watchers = new Set<() => void>();
  let delay = () => 0;

  const server = createServer((request, response) => {
    const [, verb = '', key = ''] = (request.url ?? '').split('/').map(decodeURIComponent);
    request.resume();
    const book = verb === 'begin' ? begins : verb === 'effect' ? effects : undefined;
    if (book === undefined || key === '') return void response.writeHead(404).end();
    book.set(key, (book.get(key) ?? 0) + 1);
    const waiting = verb === 'begin' ? held.get(key) : undefined;
    if (waiting === undefined) setTimeout(() => response.end('{}'), verb === 'begin' ? delay() : 0);
    else waiting.push(response);
    for (const look of watchers) look();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    count: (key) => effects.get(key) ?? 0,
    counts: () => Object.fromEntries(effects),
    begun: (key) => begins.get(key) ?? 0,
    begins: () => [...begins.values()].reduce((sum, count) => sum + count, 0),
    hold: (key) => void held.set(key, held.get(key) ?? []),
    slowDown(milliseconds) {
      delay = milliseconds;
    },
    release(key) {
      for (const response of held.get(key) ?? []) response.end('{}');
      held.delete(key);
    },
    began: (key, times = 1) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          clearTimeout(timer);
          watchers.delete(look);
          settle();
        };
        const look = () => {
          if ((begins.get(key) ?? 0) >= times) end(resolve);
        };
        const late = () => reject(new Error(`"${key}" began ${begins.get(key) ?? 0} times, not ${times}, in 60 s`));
        const timer = setTimeout(() => end(late), beganWithinMs);
        watchers.add(look);
        look();
      }),
    async close() {
      for (const waiting of held.values()) for (const response of waiting) response.end('{}');
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
