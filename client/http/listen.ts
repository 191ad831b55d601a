import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EvertrainError } from '../../workflows/sdk/errors.js';

const closeWithinMs = 15_000;

/** `what`: for people. SYSTEM_PORT_IN_USE, USER_OPTION_INVALID. */
export function listen(what: string, server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const said = `${what} cannot listen on ${host}, port ${port}: ${inUse ? 'it is in use' : cause.message}.`;
      const remedy = 'Choose another --port (0 takes a free one), or another --host of this machine.';
      const code = inUse ? 'SYSTEM_PORT_IN_USE' : 'USER_OPTION_INVALID';
      reject(new EvertrainError(code, said, { value: inUse ? port : host, remedy, cause }));
    });
    server.listen(port, host, resolve);
  });
}

export function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Takes no new connections, answers what is in flight; cuts off what has no answer after 15 s. Idle connections are closed at once and again while the busy ones finish: a kept-alive one would hold the server open. */
export async function stopListening(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), closeWithinMs);
  try {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    clearInterval(sweep);
    clearTimeout(late);
  }
}
