import { resolve } from 'node:path';
import type { Command } from 'commander';
import { restore } from '../../../worker/maintenance/backup.js';

export function configure(command: Command): void {
  command
    .argument('<from>', 'folder of a backup')
    .option('--data-dir <folder>', 'an empty or absent folder', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .action(async (from: string, { dataDir }: { dataDir: string }) => {
      const report = await restore({ from: resolve(from), dataDir: resolve(dataDir) });
      process.stdout.write(`${report.files} files, ${report.bytes} bytes\n`);
    });
}
