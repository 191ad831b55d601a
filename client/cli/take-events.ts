import { resolve } from 'node:path';
import type { Command } from 'commander';
import { secretValue } from '../../activities/sdk/secrets.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { SourceData } from '../../workflows/sdk/events/source.js';
import { apiToken } from '../config.js';
import { connect } from '../connect.js';
import { listen } from '../events/listen.js';
import { startApiServer } from '../http/start-api-server.js';
import { type ConnectedOptions, withConnection } from './connected.js';
import { exitSoon } from './exit.js';
import { loadProject } from './project-files.js';
import { portOf } from './port.js';

interface TakeOptions extends ConnectedOptions {
  readonly host: string;
  readonly port: string;
}

export function withEndpoint(command: Command): Command {
  return withConnection(command)
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 takes a free one', '8200');
}

/**
 * Takes data and events for the project in this folder until SIGTERM or SIGINT, then ends what is in flight: over HTTP
 * alone, or from all that its rules name, where HTTP is one of them only if a rule has it so.
 */
export async function takeEvents(
  from: 'http' | 'all',
  { address, namespace, dataDir, host, port: given }: TakeOptions,
) {
  const port = portOf('--port', given);
  const { models, events: rules } = await loadProject(process.cwd());
  const overHttp = from === 'http' || rules.some(({ source }) => isOverHttp(source));
  if (from === 'all' && rules.length === 0) {
    throw new EvertrainError('USER_OPTION_INVALID', 'The project declares no rules for events.', {
      remedy: 'Name some in `project({ events: [on(…)] })`, or take data alone: `evertrain api`.',
    });
  }
  const token = overHttp ? apiToken() : '';
  const evertrain = await connect({ address, namespace, dataDir: resolve(dataDir) });
  const stopped = new Promise<void>((stop) => {
    // Who started it may be gone without a word.
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.once(event, () => stop());
  });
  const log = (line: string) => void process.stderr.write(`${line}\n`);
  const undo: (() => Promise<void>)[] = [() => evertrain.close()];
  try {
    const common = { evertrain, readSecret: secretValue, log };
    const server = overHttp ? await startApiServer({ ...common, models, rules, token, host, port }) : undefined;
    if (server !== undefined) undo.push(() => server.close());
    const listener = from === 'all' ? listen(common, rules) : undefined;
    if (listener !== undefined) undo.push(() => listener.stop());
    if (server !== undefined) say(`Data is taken at ${server.address}/models/{name}/data`);
    for (const { name, source } of rules) {
      if (from === 'all' || isOverHttp(source))
        say(`Events for "${name}" are taken from ${placeOf(source, server?.address)}`);
    }
    await Promise.race([stopped, ...(listener === undefined ? [] : [listener.ended])]);
  } finally {
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last();
    exitSoon();
  }
}

function isOverHttp({ kind }: SourceData): boolean {
  return kind === 'webhook' || kind === 'object';
}

function placeOf(source: SourceData, address = ''): string {
  if (source.kind === 'webhook') return `${address}/hooks${source.path}`;
  if (source.kind === 'object') return `${address}/objects (${source.uri})`;
  return source.kind === 'kafka' ? `Kafka's topic ${source.topic}` : `PostgreSQL's channel ${source.channel}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
