import { createAdaptorServer } from '@hono/node-server';
import type { Server } from 'node:http';
import { addressOf, listen } from '../http/listen.js';
import { checkAccess } from './access.js';
import type { DashboardOptions } from './context.js';
import { dashboardApp } from './dashboard-app.js';

export interface DashboardServerOptions extends DashboardOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface DashboardServer {
  /** For example `http://127.0.0.1:8300`. */
  readonly address: string;
  close(): Promise<void>;
}

/** The dashboard on a server of its own. SYSTEM_PORT_IN_USE, USER_OPTION_INVALID where it would be open to strangers. */
export async function startDashboard({ host, port, ...options }: DashboardServerOptions): Promise<DashboardServer> {
  checkAccess(host, options);
  const hosts = [...options.hosts, host];
  const server = createAdaptorServer({ fetch: dashboardApp({ ...options, hosts }).fetch }) as Server;
  await listen('The dashboard', server, host, port);
  return {
    address: addressOf(server),
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Streams have no end of their own.
      server.closeAllConnections();
      await closed;
    },
  };
}
