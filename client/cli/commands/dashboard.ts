import type { Command } from 'commander';
import { resolve } from 'node:path';
import { dashboardToken } from '../../config.js';
import { readEngineFile } from '../../engine-file.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { exitSoon } from '../exit.js';
import { startLocalDashboard } from '../local-dashboard.js';
import { portOf } from '../port.js';

interface DashboardCommandOptions extends ConnectedOptions {
  readonly host: string;
  readonly port: string;
  readonly allowHost?: readonly string[];
  readonly actorHeader?: string;
  readonly actor: string;
  readonly readOnly?: boolean;
  readonly temporalUi?: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', '8300')
    .option('--allow-host <names...>', 'other names by which it is reached')
    .option('--actor-header <name>', 'a header in which a proxy in front says who asks')
    .option('--actor <name>', 'who acts, where nobody logs in', process.env['USER'] ?? 'somebody')
    .option('--read-only', 'only shows')
    .option('--temporal-ui <url>', "Temporal's UI; default: that of the data folder's engine")
    .action(dashboard);
}

/** Serves the dashboard until SIGTERM or SIGINT. */
async function dashboard(options: DashboardCommandOptions): Promise<void> {
  const token = dashboardToken();
  const port = portOf('--port', options.port);
  const { host, allowHost = [], actorHeader, actor, readOnly = false } = options;
  const temporalUi = options.temporalUi ?? readEngineFile(resolve(options.dataDir))?.uiAddress;
  const stopped = new Promise((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  });
  await connected(options, async (evertrain, journal, store) => {
    const server = await startLocalDashboard(
      { evertrain, journal, store },
      {
        root: process.cwd(),
        dataDir: options.dataDir,
        host,
        port,
        hosts: allowHost,
        actor,
        isReadOnly: readOnly,
        ...(token === undefined ? {} : { token }),
        ...(actorHeader === undefined ? {} : { actorHeader }),
        ...(temporalUi === undefined ? {} : { temporalUi: temporalUi.replace(/\/+$/, '') }),
      },
    );
    process.stdout.write(`The dashboard is at ${server.address}\n`);
    await stopped;
    await server.close();
  });
  exitSoon();
}
