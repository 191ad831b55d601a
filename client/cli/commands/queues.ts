import type { Command } from 'commander';
import type { QueueBacklog } from '../../queue-backlogs.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';
import { queuesOfProject } from '../project-files.js';

export function configure(command: Command): void {
  withConnection(command)
    .argument('[names...]', 'default: those of the project in this folder')
    .option('--json', 'one JSON array')
    .action(queues);
}

async function queues(names: readonly string[], { json, ...options }: ConnectedOptions & { readonly json?: boolean }) {
  const wanted = names.length > 0 ? names : await queuesOfProject(process.cwd());
  await connected(options, async (evertrain) => {
    const found = await evertrain.queues(wanted);
    process.stdout.write(json ? `${JSON.stringify(found)}\n` : found.map(lineOf).join(''));
  });
}

function lineOf({ queue, kind, waiting, oldestSeconds, added, taken, workers }: QueueBacklog): string {
  const since = waiting === 0 ? '' : ` for ${oldestSeconds} s`;
  const served = workers === 0 ? 'no worker' : workers === 1 ? '1 worker' : `${workers} workers`;
  return `${queue}  ${kind}  ${waiting} waiting${since}  ${served}  +${added} -${taken} per second\n`;
}
