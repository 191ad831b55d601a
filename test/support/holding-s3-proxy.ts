import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where a held request stands: not yet at the server, or done there and not yet answered. */
export type HeldAt = 'before' | 'after';

/** Passes requests on to an S3 server, and can keep one of them exactly where a crash hurts most. */
export interface HoldingS3Proxy {
  readonly endpoint: string;
  /** Holds the next write whose path matches, for ever; resolves when it is held. */
  hold(path: RegExp, at: HeldAt): Promise<void>;
  /** From now on a write is passed on after so many milliseconds. */
  slowDown(milliseconds: number): void;
  close(): Promise<void>;
}

interface Trap {
  readonly path: RegExp;
  readonly at: HeldAt;
  readonly sprung: () => void;
}

export async function holdingS3Proxy(endpoint: string): Promise<HoldingS3Proxy> {
  const { hostname, port } = new URL(endpoint);
  let trap: Trap | undefined;
  let delayMs = 0;

  /** The trap, taken away, where the request is the one. */
  function caught({ method, url = '' }: IncomingMessage): Trap | undefined {
    if (method !== 'PUT' || trap?.path.test(decodeURIComponent(url)) !== true) return undefined;
    const found = trap;
    trap = undefined;
    return found;
  }

  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const mine = caught(incoming);
    if (mine?.at === 'before') return mine.sprung();
    // The signature covers the host that was asked, so the headers go on as they are.
    const { method, url, headers } = incoming;
    const passed = request({ hostname, port, method, path: url, headers, setHost: false }, (answer) => {
      if (mine === undefined) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      } else answer.resume().once('end', mine.sprung);
    });
    passed.on('error', () => outgoing.destroy());
    setTimeout(() => incoming.pipe(passed), method === 'PUT' ? delayMs : 0);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (path, at) =>
      new Promise((sprung) => {
        trap = { path, at, sprung };
      }),
    slowDown(milliseconds) {
      delayMs = milliseconds;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
