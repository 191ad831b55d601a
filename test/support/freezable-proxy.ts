import { connect, createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP proxy that can hold back what one side says, as a network does that fails at the wrong moment. */
export interface FreezableProxy {
  /** host:port to connect to. */
  readonly address: string;
  /** From now on nothing of that side is passed on. */
  freeze(side: 'client' | 'server'): void;
  close(): Promise<void>;
}

export async function freezableProxy(target: string): Promise<FreezableProxy> {
  const [host = '', port] = target.split(':');
  const sockets = new Set<Socket>();
  const frozen = { client: false, server: false };
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    const pass = (from: Socket, to: Socket, side: 'client' | 'server') => {
      sockets.add(from);
      from.on('data', (chunk) => {
        if (!frozen[side]) to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    pass(client, upstream, 'client');
    pass(upstream, client, 'server');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze(side) {
      frozen[side] = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}
