import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { type DataEndpointOptions, dataEndpoint } from './data-endpoint.js';

export interface ApiServerOptions extends DataEndpointOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free port. */
  readonly port: number;
}

export interface ApiServer {
  /** For example `http://127.0.0.1:8200`. */
  readonly address: string;
  /** Takes no new connections, answers what is in flight; cuts off what has no answer after 15 s. */
  close(): Promise<void>;
}

/** Nobody holds a connection by sending slowly, nor all of them. */
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const maxConnections = 1_000;
const closeWithinMs = 15_000;

/** The data endpoint on a server of its own. SYSTEM_PORT_IN_USE, USER_OPTION_INVALID. */
export async function startApiServer({ host = '127.0.0.1', port, ...options }: ApiServerOptions): Promise<ApiServer> {
  const server = createServer(limits, dataEndpoint(options));
  server.maxConnections = maxConnections;
  await listen(server, host, port);
  let closed: Promise<void> | undefined;
  return { address: addressOf(server), close: () => (closed ??= stopListening(server)) };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const what = `The API cannot listen on ${host}, port ${port}: ${inUse ? 'it is in use' : cause.message}.`;
      const remedy = 'Choose another --port (0 takes a free one), or another --host of this machine.';
      const code = inUse ? 'SYSTEM_PORT_IN_USE' : 'USER_OPTION_INVALID';
      reject(new EvertrainError(code, what, { value: inUse ? port : host, remedy, cause }));
    });
    server.listen(port, host, resolve);
  });
}

function addressOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Idle connections are closed at once and again while the busy ones finish: a kept-alive one would hold the server open. */
async function stopListening(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), closeWithinMs);
  try {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    clearInterval(sweep);
    clearTimeout(late);
  }
}
