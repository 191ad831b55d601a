import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedNotice {
  readonly idempotencyKey: string | undefined;
  readonly body: Record<string, unknown>;
}

/** Where the failure alert goes in tests; can be away, refuse, or leave a caller waiting. */
export interface WebhookReceiver {
  /** Stays the same over `down` and `up`. */
  readonly url: string;
  /** Every call that came, answered or not, oldest first. */
  readonly received: readonly ReceivedNotice[];
  answerWith(status: number | 'nothing'): void;
  down(): Promise<void>;
  up(): Promise<void>;
}

export async function webhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedNotice[] = [];
  let answer: number | 'nothing' = 204;
  const handle = (text: string, key: string | undefined, response: ServerResponse) => {
    received.push({ idempotencyKey: key, body: JSON.parse(text) as Record<string, unknown> });
    if (answer !== 'nothing') response.writeHead(answer).end();
  };
  const start = async (port: number): Promise<Server> => {
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      request.on('end', () => handle(text, request.headers['idempotency-key'] as string | undefined, response));
    });
    await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
    return server;
  };
  let server = await start(0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    answerWith(status) {
      answer = status;
    },
    async down() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
    async up() {
      server = await start(port);
    },
  };
}
