import { resolve } from 'node:path';
import type { Command } from 'commander';
import { secretValue } from '../../../activities/sdk/secrets.js';
import { apiToken } from '../../config.js';
import { connect } from '../../connect.js';
import { startApiServer } from '../../http/start-api-server.js';
import { type ConnectedOptions, withConnection } from '../connected.js';
import { exitSoon } from '../exit.js';
import { loadProject } from '../project-files.js';
import { portOf } from '../port.js';

interface ApiOptions extends ConnectedOptions {
  readonly host: string;
  readonly port: string;
}

export function configure(command: Command): void {
  withConnection(command)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', '8200')
    .action(api);
}

/** Takes data for the models of the project in this folder until SIGTERM or SIGINT, then answers what is in flight. */
async function api({ address, namespace, dataDir, host, port: given }: ApiOptions): Promise<void> {
  const token = apiToken();
  const port = portOf('--port', given);
  const { models, events: rules } = await loadProject(process.cwd());
  const evertrain = await connect({ address, namespace, dataDir: resolve(dataDir) });
  const stopped = new Promise((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
  });
  try {
    const log = (line: string) => void process.stderr.write(`${line}\n`);
    const server = await startApiServer({ evertrain, models, rules, readSecret: secretValue, token, host, port, log });
    process.stdout.write(`Data is taken at ${server.address}/models/{name}/data\n`);
    await stopped;
    await server.close();
  } finally {
    await evertrain.close();
    exitSoon();
  }
}
