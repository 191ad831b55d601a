import { createServer } from 'node:http';
import { type DataEndpointOptions, dataEndpoint } from './data-endpoint.js';
import { addressOf, listen, stopListening } from './listen.js';

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

/** The data endpoint on a server of its own. SYSTEM_PORT_IN_USE, USER_OPTION_INVALID. */
export async function startApiServer({ host = '127.0.0.1', port, ...options }: ApiServerOptions): Promise<ApiServer> {
  const server = createServer(limits, dataEndpoint(options));
  server.maxConnections = maxConnections;
  await listen('The API', server, host, port);
  let closed: Promise<void> | undefined;
  return { address: addressOf(server), close: () => (closed ??= stopListening(server)) };
}
