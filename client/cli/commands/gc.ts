import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openStorage } from '../../../activities/sdk/storage.js';
import { collectGarbage } from '../../../worker/maintenance/collect-garbage.js';
import { engineRuns } from '../../../worker/maintenance/engine-runs.js';
import { historyRoots } from '../../../worker/maintenance/history-roots.js';
import { durationMs } from '../../../workflows/sdk/duration.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { type ConnectedOptions, connected, withConnection } from '../connected.js';

export function configure(command: Command): void {
  withConnection(command)
    .option('--apply', 'remove; without it, only say what would be removed')
    .option('--grace <duration>', 'keep what is younger; longer than the longest step', '1 day')
    .option('--json', 'as it prints in any case')
    .action(gc);
}

async function gc(options: ConnectedOptions & { readonly apply?: boolean; readonly grace: string }): Promise<void> {
  if (openStorage(options.dataDir).remote === undefined && !existsSync(options.dataDir)) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no data folder at ${resolve(options.dataDir)}.`, {
      value: options.dataDir,
      remedy: 'Pass the folder that Evertrain was started with.',
    });
  }
  const graceMs = durationMs(options.grace as never, '--grace');
  await connected(options, async ({ client }, journal, store) => {
    const runs = await engineRuns(client);
    const report = await collectGarbage({
      store,
      journal,
      roots: historyRoots(client),
      ...runs,
      graceMs,
      dryRun: options.apply !== true,
    });
    process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  });
}
