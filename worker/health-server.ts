import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { WorkerHealth } from './worker-health.js';

/** Answers a supervisor's question over HTTP. */
export interface HealthServer {
  readonly port: number;
  close(): void;
}

/**
 * `GET /live`: 200 as long as the process can answer; a supervisor restarts it else. Any other path: 200 when the worker
 * serves and reaches the engine, 503 while it starts, drains or the engine is away (restarting it helps nothing then);
 * the body is the worker's health. Ports in use are SYSTEM_PORT_IN_USE.
 *
 * @param port 0 takes a free one
 * @param health undefined while the worker starts
 */
export async function startHealthServer(
  port: number,
  health: () => Promise<WorkerHealth> | undefined,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const isLive = request.url === '/live';
    void Promise.resolve(health() ?? starting).then((found) => {
      const isReady = found.state === 'RUNNING' && found.engine === 'reachable';
      response.writeHead(isLive || isReady ? 200 : 503, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(found));
    });
  });
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const starting: WorkerHealth = { state: 'STARTING', engine: 'reachable', queues: {} };

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const what = `The health endpoint cannot listen on port ${port}: ${inUse ? 'it is in use' : cause.message}.`;
      const remedy = 'Choose another port with --health-port or EVERTRAIN_HEALTH_PORT.';
      reject(
        new EvertrainError(inUse ? 'SYSTEM_PORT_IN_USE' : 'USER_OPTION_INVALID', what, { value: port, remedy, cause }),
      );
    });
    server.listen(port, resolve);
  });
}
