import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import type { Command } from 'commander';
import { openStorage } from '../../../activities/sdk/storage.js';
import { collectGarbage } from '../../../worker/maintenance/collect-garbage.js';
import { engineRuns } from '../../../worker/maintenance/engine-runs.js';
import { historyRoots } from '../../../worker/maintenance/history-roots.js';
import { clientsOfStore, forgetUsers } from '../../../worker/maintenance/store-users.js';
import { durationMs } from '../../../workflows/sdk/duration.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

export function configure(command: Command): void {
  withConnection(command)
    .option('--apply', 'remove; without it, only say what would be removed')
    .option('--grace <duration>', 'keep what is younger; longer than the longest step', '1 day')
    .option('--forget <id...>', "engines' namespaces that are gone for good: what only their runs hold is nobody's")
    .option('--json', 'as it prints in any case')
    .action(gc);
}

interface GcOptions extends ConnectedOptions {
  readonly apply?: boolean;
  readonly grace: string;
  readonly forget?: readonly string[];
}

async function gc({ forget = [], ...options }: GcOptions): Promise<void> {
  if (openStorage(options.dataDir).remote === undefined && !existsSync(options.dataDir)) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no data folder at ${resolve(options.dataDir)}.`, {
      value: options.dataDir,
      remedy: 'Pass the folder that Evertrain was started with.',
    });
  }
  const graceMs = durationMs(options.grace as never, '--grace');
  await connected(options, async ({ client }, journal, store) => {
    const clients = await clientsOfStore(journal, client, forget);
    const runs = await Promise.all(clients.map((one) => engineRuns(one)));
    const report = await collectGarbage({
      store,
      journal,
      roots: rootsOf(clients),
      openRuns: runs.flatMap(({ openRuns }) => openRuns),
      retainedRuns: runs.flatMap(({ retainedRuns }) => retainedRuns),
      lendingRuns: runs.flatMap(({ lendingRuns }) => lendingRuns),
      graceMs,
      dryRun: options.apply !== true,
    });
    if (options.apply === true) await forgetUsers(journal, forget);
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  });
}

async function* rootsOf(clients: readonly Client[]): AsyncGenerator<unknown> {
  for (const client of clients) yield* historyRoots(client);
}
