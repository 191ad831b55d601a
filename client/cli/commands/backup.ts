import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openStorage } from '../../../activities/sdk/storage.js';
import { backup } from '../../../worker/maintenance/backup.js';

export function configure(command: Command): void {
  command
    .argument('<to>', 'a folder that does not exist yet')
    .option('--data-dir <folder>', 'what to back up', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .action(async (to: string, { dataDir }: { dataDir: string }) => {
      const report = await backup({ dataDir: resolve(dataDir), to: resolve(to) });
      process.stdout.write(`${report.files} files, ${report.bytes} bytes\n`);
      const { remote } = openStorage(dataDir);
      if (remote !== undefined) process.stderr.write(`Artifacts and journal are in ${remote}: back that up too.\n`);
      for (const path of report.damaged) process.stderr.write(`damaged, left out: ${path}\n`);
      for (const path of report.skipped) process.stderr.write(`no regular file, left out: ${path}\n`);
    });
}
